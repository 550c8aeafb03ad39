# Installs what the scripts need. Sourced by them. shellcheck shell=bash

# The PATH of a plain `su` lacks Debian's directories for root.
PATH=$PATH:/usr/sbin:/sbin

tell() { echo "rig: $*" >&2; }

# Runs a command and prints its output only if it fails.
quietly() { # COMMAND…
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ $status != 0 ]; then
		tail -n 50 "$log" >&2
		tell "$1 failed"
	fi
	rm -f "$log"
	return $status
}

# Installs missing programs, if possible, without starting their services.
install_packages() { # PROGRAM=PACKAGE…
	local pair missing=()
	for pair in "$@"; do
		command -v "${pair%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
		tell "install ${missing[*]} first, or run this as root on Debian"
		return 1
	fi
	tell "installing ${missing[*]}"
	apt_install "${missing[@]}"
}

apt_install() { # PACKAGE…
	local policy=/usr/sbin/policy-rc.d ours='' status=0
	if [ ! -e $policy ]; then
		ours=yes
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	{
		quietly apt-get update -qq &&
			DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -qq --no-install-recommends "$@"
	} || status=$?
	[ -z "$ours" ] || rm -f $policy
	return $status
}

# Installs a Rust version that can build this repository with Rust's own installer,
# because Debian's versions are too old.
install_rust() {
	install_packages cc=gcc cc=libc6-dev
	# rust-toolchain.toml asks for `stable`. Where Rust has only another name, that one is used.
	if command -v rustup >/dev/null && ! rustup toolchain list | grep -q '^stable'; then
		RUSTUP_TOOLCHAIN=$(rustup toolchain list | cut -d' ' -f1 | head -n 1)
		export RUSTUP_TOOLCHAIN
	fi
	! rust_is_new || return 0
	PATH=$HOME/.cargo/bin:$PATH
	! rust_is_new || return 0
	install_packages curl=curl curl=ca-certificates
	tell "installing Rust in $HOME/.cargo"
	local directory installer status=0
	directory=$(mktemp -d)
	# Under another name it would behave like one of Rust's programs.
	installer=$directory/rustup-init
	{
		quietly curl -sSf --retry 3 -o "$installer" "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init" &&
			chmod +x "$installer" &&
			RUSTUP_INIT_SKIP_PATH_CHECK=yes quietly "$installer" -q -y --profile minimal -c rustfmt -c clippy --no-modify-path
	} || status=$?
	rm -rf "$directory"
	[ $status = 0 ] || tell "cannot download the Rust installer: install Rust 1.89 or newer first (rustup.rs)"
	return $status
}

rust_is_new() {
	local minor
	minor=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
	[ "${minor:-0}" -ge 89 ]
}
