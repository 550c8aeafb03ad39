# What the scripts here install where it is missing; sourced by them.

# Installs packages whose programs are missing. No service of theirs is started.
install_packages() { # PROGRAM=PACKAGE…
	local pair missing=()
	for pair in "$@"; do
		command -v "${pair%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
		echo "rig: ${missing[*]} is missing: install it, or run this as root on Debian" >&2
		return 1
	fi
	echo "rig: installing ${missing[*]}" >&2
	apt-get update -qq >&2
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# A Rust compiler and what it calls. Debian's is too old: Rust's own installer.
install_rust() {
	install_packages cc=gcc cc=libc6-dev
	command -v cargo >/dev/null || PATH=$HOME/.cargo/bin:$PATH
	command -v cargo >/dev/null && return
	install_packages curl=curl curl=ca-certificates
	echo "rig: installing Rust" >&2
	local installer
	installer=$(mktemp)
	curl -sSf --retry 3 -o "$installer" "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init"
	chmod +x "$installer"
	"$installer" -q -y --profile minimal -c rustfmt -c clippy --no-modify-path >&2
	rm "$installer"
}
