#!/bin/sh
# Offers the GPUs of the node to pods, as `nvidia.com/gpu`. The kubelet resets what it does not
# know whenever it starts, so the node is watched. If a device plugin runs, it decides.
set -u
node=$(hostname)

# Asks as the kubelet, which may change the status of its node and nothing else.
api() {
	curl -sSf --noproxy '*' --cacert /etc/kubernetes/pki/ca.crt \
		--cert /var/lib/kubelet/pki/kubelet-client-current.pem "$@"
}

gpus() {
	set -- /dev/nvidia[0-9]*
	[ -c "$1" ] || set -- /dev/dxg
	[ -c "$1" ] && echo $# || echo 0
}

has_device_plugin() {
	for socket in /var/lib/kubelet/device-plugins/*.sock; do
		[ "${socket##*/}" = kubelet.sock ] || [ ! -e "$socket" ] || return 0
	done
	return 1
}

offer() { # NUMBER
	jq -cn --arg number "$1" '["capacity", "allocatable"]
		| map({op: "add", path: "/status/\(.)/nvidia.com~1gpu", value: $number})' |
		api -X PATCH -H 'Content-Type: application/json-patch+json' --data-binary @- \
			-o /dev/null "https://127.0.0.1:6443/api/v1/nodes/$node/status"
}

while :; do
	watch="https://127.0.0.1:6443/api/v1/nodes?watch=1&fieldSelector=metadata.name%3D$node"
	api --no-buffer --max-time 600 "$watch" 2>/dev/null |
		jq --unbuffered -r '.object.status.allocatable["nvidia.com/gpu"] // "0"' |
		while read -r offered; do
			now=$(gpus)
			[ "$offered" = "$now" ] || has_device_plugin || offer "$now"
		done
	sleep 1
done
