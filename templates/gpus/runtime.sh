#!/bin/sh
# The OCI runtime of pods with GPUs: gives a container GPUs of the node and the driver, as Docker
# gave them to the node, and then runs runc. Containers of these pods that ask for no GPU, such as
# the one that holds the network, get none. containerd calls it like runc.
set -u
directory=/kind/clearml-local-gpus
# The GPUs that containers have: a file for each, with the bundle of its container. containerd
# removes the bundle when the container has ended.
given=/run/clearml-local-gpus

bundle='' log='' creates='' previous=''
for argument; do
	case $previous in
	--bundle | -b) bundle=$argument ;;
	--log) log=$argument ;;
	esac
	[ "$argument" != create ] || creates=yes
	previous=$argument
done

# Fails as runc does: containerd shows the last message of the log.
fail() {
	[ -z "$log" ] || jq -cn --arg why "$1" '{level: "error", msg: $why}' >>"$log"
	echo "$1" >&2
	exit 1
}

# Prints the devices that are not given to another container: as many GPUs as asked for, and
# those with which programs control all GPUs.
devices() { # NUMBER
	left=$1
	for device in /dev/nvidia[0-9]* /dev/dxg; do
		[ -c "$device" ] && [ "$left" -gt 0 ] || continue
		file=$given/${device##*/}
		holder=$(cat "$file" 2>/dev/null) && [ -e "$holder/config.json" ] && continue
		echo "$bundle" >"$file"
		left=$((left - 1))
		stat -c '%Hr %Lr %n' "$device"
	done
	[ "$left" = 0 ] || return 1
	for device in /dev/nvidia[!0-9]* /dev/nvidia-caps/*; do
		[ ! -c "$device" ] || stat -c '%Hr %Lr %n' "$device"
	done
}

# Prints the names of the driver's libraries and what they lead to.
links() {
	for link in $(cut -d ' ' -f 5 /proc/self/mountinfo | sed -n 's#\(.*/\)lib[^/]*\.so[^/]*$#\1#p' | sort -u); do
		find "$link" -maxdepth 1 -type l -name 'lib*.so*' -printf '%p ' -exec readlink -f {} \;
	done
}

config=$bundle/config.json
asks='[.process.env[]? | select(startswith("CLEARML_LOCAL_POD_GPUS="))][0] // "" | sub(".*="; "")'
if [ -n "$creates" ] && wanted=$(jq -r "$asks" "$config") && [ -n "$wanted" ]; then
	mkdir -p "$given"
	exec 9>"$given/lock"
	flock 9
	devices=$(devices "$wanted") || fail "the GPUs of the node are in use by other pods"
	exec 9>&-
	changed=$(jq -c --arg devices "$devices" --arg links "$(links)" \
		--rawfile mounts /proc/self/mountinfo -f "$directory/container.jq" "$config") ||
		fail "cannot add the GPUs of the node to the container"
	printf '%s\n' "$changed" >"$config"
fi
exec runc "$@"
