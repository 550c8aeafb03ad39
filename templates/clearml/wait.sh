# Asks databases in their own protocols, with every attempt bounded: a connection
# can hang before DNS and kube-proxy are up. Only programs that the server's image
# has. Credentials are those of the server's own variables.
#
#   wait [NAME KIND HOST PORT]…    waits until all answer, for ten minutes at most
#   check [KIND HOST PORT]…        asks each of them a few times, and leaves a line
#                                  `KIND CLASS REASON` for each
LC_ALL=C
terminal=/dev/termination-log

# Of what did not go well: `CLASS REASON`, on one line of printable letters.
say() {
	text=${*//[![:print:]]/ }
	echo "${text:0:200}"
	return 1
}

connected() {
	error=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>&1)
	case $?:$error in
	0:*) ;;
	124:*)
		# Which of the two was it that took so long?
		case $(curl -sS --max-time 3 -o /dev/null "http://$host:$port/" 2>&1) in
		*esolv*) say name "the name $host does not resolve: DNS did not respond within 3 s" ;;
		*) say silent "no answer within 3 s" ;;
		esac
		;;
	*"not known"* | *"name resolution"* | *"No address"*) say name "the name $host does not resolve" ;;
	*refused*) say refused "connection refused" ;;
	*) say silent "${error##*: }" ;;
	esac
}

# One command and the first line of its answer, on the open connection 3.
redis_command() {
	printf '*%s\r\n' $# >&3
	for word in "$@"; do printf '$%s\r\n%s\r\n' ${#word} "$word" >&3; done
	read -r -t 2 answer <&3 || { say silent "it accepts connections but does not respond"; return; }
	answer=${answer%$'\r'}
}

redis() {
	connected || return
	exec 3<>"/dev/tcp/$host/$port" || return
	if [ -n "${CLEARML_REDIS_SERVICE_PASSWORD:-}" ]; then
		redis_command AUTH "$CLEARML_REDIS_SERVICE_PASSWORD" || return
		case $answer in
		+OK) ;;
		-*"without any password"* | -*"no password is set"*) say password "it has no password, but one is set"; return ;;
		-WRONGPASS* | -ERR*) say password "it rejected the password"; return ;;
		esac
	fi
	redis_command PING || return
	case $answer in
	+PONG) ;;
	-NOAUTH*) say login "it requires a password" ;;
	-LOADING*) say starting "it is loading its data" ;;
	-*) say refused "it responded with ${answer#-}" ;;
	*) say other "it is not Redis: it responded with ${answer:-nothing}" ;;
	esac
}

mongodb() {
	connected || return
	# MongoDB answers a browser on its own port with a sentence.
	answer=$(curl -sS --max-time 3 "http://$host:$port/" 2>&1)
	case $answer in *"MongoDB over HTTP"*) ;; *) say other "it is not MongoDB: it responded with ${answer:-nothing}" ;; esac
}

elasticsearch() {
	connected || return
	login=()
	if [ -n "${CLEARML_ELASTIC_SERVICE_PASSWORD:-}" ]; then
		login=(-u "${CLEARML_ELASTIC_SERVICE_USERNAME:-}:$CLEARML_ELASTIC_SERVICE_PASSWORD")
	fi
	answer=$(curl -sS --max-time 3 "${login[@]}" -w '\n%{http_code}' \
		"http://$host:$port/_cluster/health?wait_for_status=yellow&timeout=1s" 2>&1)
	case ${answer##*$'\n'}:$answer in
	200:*'"cluster_name"'*) ;;
	401:* | 403:*) if [ ${#login[@]} = 0 ]; then say login "it requires a user and a password"; else say password "it rejected the user or the password"; fi ;;
	408:*'"cluster_name"'* | 503:*) say starting "its cluster is not ready" ;;
	*"timed out"*) say silent "it accepts connections but does not respond" ;;
	*) say other "it is not Elasticsearch: it responded with ${answer%$'\n'*}" ;;
	esac
}

clearml() {
	connected || return
	answer=$(curl -sS --max-time 3 -o /dev/null -w '%{http_code}' "http://$host:$port/debug.ping" 2>/dev/null)
	case $answer in
	200) ;;
	000) say silent "it accepts connections but does not respond" ;;
	*) say starting "its ping returned $answer" ;;
	esac
}

resolved() {
	# nginx ends when a name does not resolve; that nothing listens yet is fine.
	answer=$(curl -sS --max-time 2 -o /dev/null -w '%{time_namelookup}' "http://$host:$port/" 2>/dev/null)
	case $?:$answer in
	# An answer, a refused connection, an empty or broken answer: there was an address.
	0:* | 7:* | 52:* | 56:*) ;;
	6:*) say name "the name $host does not resolve yet" ;;
	# 28 is a host that does not answer, or DNS that does not: then nothing was looked up.
	*:*[1-9]*) ;;
	*) say name "the name $host does not resolve yet: DNS did not respond within 2 s" ;;
	esac
}

# Until it answers, or `$1` seconds have gone by, or what is wrong stays wrong.
check_one() {
	local limit=$((SECONDS + $1))
	until now=$($kind); do
		case $now in login* | password* | other*) break ;; esac
		[ $SECONDS -lt $limit ] || break
		sleep 0.5
	done
	echo "$kind ${now:-ok}" >>$terminal
}

if [ "$0" = check ]; then
	# Without the cluster's own names, those of others do not resolve either.
	limit=$((SECONDS + 60))
	until timeout 2 bash -c 'exec 3<>/dev/tcp/kubernetes.default.svc/443' 2>/dev/null || [ $SECONDS -ge $limit ]; do sleep 0.3; done
	while [ $# -ge 3 ]; do
		kind=$1 host=$2 port=$3
		shift 3
		check_one 8 &
	done
	wait
	exit 0
fi

# Those that do not answer yet: the rest of the arguments.
limit=$((SECONDS + 600))
declare -A reason
while :; do
	missing=()
	while [ $# -ge 4 ]; do
		name=$1 kind=$2 host=$3 port=$4
		if now=$($kind); then
			echo "$name answers"
		else
			missing+=("$1" "$2" "$3" "$4")
			now=${now#* }
			now=${now:-no answer}
			[ "$now" = "${reason[$name]:-}" ] || echo "waiting for $name: $now"
			reason[$name]=$now
		fi
		shift 4
	done
	[ ${#missing[@]} -gt 0 ] || exit 0
	set -- "${missing[@]}"
	if [ $SECONDS -ge $limit ]; then
		echo "$1 did not answer for ten minutes: ${reason[$1]}" | tee $terminal
		exit 1
	fi
	sleep 0.5
done
