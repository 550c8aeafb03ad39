#!/bin/sh
# Starts the program of an agent. Arguments: the version of clearml-agent to install if the
# image has none, the URLs of the API server and of the file server, and the options of
# `clearml-agent daemon`.
# Messages begin with `clearml-local:`; the last one explains an exit.
set -u
version=$1 api=$2 fileserver=$3
shift 3
cache=${CLEARML_LOCAL_CACHE:-/cache}
files=${0%/*}

say() { echo "clearml-local: $*"; }

fail() {
	say "$*"
	exit 69
}

# Installs the agent once for all pods that share the cache. A virtual environment works only
# with the Python that created it.
install() { # DIRECTORY
	if [ -e "$1/installed" ]; then
		return 0
	fi
	say "installing clearml-agent $version"
	rm -rf "$1"
	python3 -m venv "$1" &&
		"$1/bin/pip" install --quiet "clearml-agent==$version" &&
		touch "$1/installed"
}

command -v python3 >/dev/null || fail "the image has no python3: choose another image with --image"
if command -v clearml-agent >/dev/null; then
	agent=clearml-agent
else
	python=$(python3 -c 'import hashlib, sys; print(hashlib.sha256((sys.version + sys.prefix).encode()).hexdigest()[:12])')
	place=$cache/agent/$version-$python
	mkdir -p "$cache/agent" || fail "cannot write to the cache"
	(
		if command -v flock >/dev/null; then flock 9; fi
		install "$place"
	) 9>"$cache/agent/lock" ||
		fail "cannot install clearml-agent $version: use a network or a proxy that reaches PyPI, or an image that contains it"
	agent=$place/bin/clearml-agent
fi

trusted=${TMPDIR:-/tmp}/clearml-local-trusted.pem
python3 "$files/reach.py" "$api" "$fileserver" "$files" "$trusted" || exit
if [ -e "$trusted" ]; then
	# The variables of the SDK, pip, git, curl and AWS. Those of the user take precedence.
	for variable in REQUESTS_CA_BUNDLE SSL_CERT_FILE PIP_CERT GIT_SSL_CAINFO CURL_CA_BUNDLE AWS_CA_BUNDLE; do
		eval ": \"\${$variable:=\$trusted}\""
		export "$variable"
	done
fi
say "starting clearml-agent"
exec "$agent" daemon "$@"
