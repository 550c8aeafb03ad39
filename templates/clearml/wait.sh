# Checks databases with their own protocols. Every attempt has a timeout, because a
# connection can hang before DNS and kube-proxy are ready. Uses only programs in the
# server's image, and the credentials in the server's own variables.
#
#   wait [NAME KIND HOST PORT]…    waits until all of them answer, for at most ten minutes;
#                                  each is checked independently of the others
#   check [KIND HOST PORT]…        checks each of them a few times, and writes a line
#                                  `KIND CLASS REASON` for each
LC_ALL=C
# The seconds that a connection may take. While DNS starts, a lookup may get no answer, and
# is better repeated soon: `wait` repeats it for long enough.
patience=3
[ "$0" = check ] || patience=1
terminal=/dev/termination-log
# The first process of a container ignores SIGTERM otherwise, and a pod that is deleted
# while it waits would stay for its whole grace period.
trap 'kill $(jobs -p) 2>/dev/null; exit 143' TERM

# Prints a failure as `CLASS REASON`, on one line of printable characters.
fail() {
	text=${*//[![:print:]]/ }
	echo "${text:0:200}"
	return 1
}

connect() {
	error=$(timeout $patience bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>&1)
	case $?:$error in
	0:*) ;;
	124:*)
		# Find out whether DNS or the connection timed out.
		case $(curl -sS --max-time $patience -o /dev/null "http://$host:$port/" 2>&1) in
		*esolv*) fail name "the name $host does not resolve: DNS did not respond within $patience s" ;;
		*) fail unreachable "no answer within $patience s" ;;
		esac
		;;
	*"not known"* | *"name resolution"* | *"No address"*) fail name "the name $host does not resolve" ;;
	*refused*) fail refused "connection refused" ;;
	*) fail unreachable "${error##*: }" ;;
	esac
}

# Sends one command on connection 3, and reads the first line of the answer.
redis_command() {
	printf '*%s\r\n' $# >&3
	for word in "$@"; do printf '$%s\r\n%s\r\n' ${#word} "$word" >&3; done
	read -r -t 2 answer <&3 || { fail unreachable "it accepts connections but does not respond"; return; }
	answer=${answer%$'\r'}
}

redis() {
	connect || return
	exec 3<>"/dev/tcp/$host/$port" || return
	if [ -n "${CLEARML_REDIS_SERVICE_PASSWORD:-}" ]; then
		redis_command AUTH "$CLEARML_REDIS_SERVICE_PASSWORD" || return
		case $answer in
		+OK) ;;
		-*"without any password"* | -*"no password is set"*) fail password "it has no password, but one is set"; return ;;
		-WRONGPASS* | -ERR*) fail password "it rejected the password"; return ;;
		esac
	fi
	redis_command PING || return
	case $answer in
	+PONG) ;;
	-NOAUTH*) fail login "it requires a password" ;;
	-LOADING*) fail starting "it is loading its data" ;;
	-*) fail refused "it responded with ${answer#-}" ;;
	*) fail other "it is not Redis: it responded with ${answer:-nothing}" ;;
	esac
}

mongodb() {
	connect || return
	# MongoDB answers HTTP requests on its port with a sentence.
	answer=$(curl -sS --max-time 3 "http://$host:$port/" 2>&1)
	case $answer in *"MongoDB over HTTP"*) ;; *) fail other "it is not MongoDB: it responded with ${answer:-nothing}" ;; esac
}

elasticsearch() {
	connect || return
	login=()
	if [ -n "${CLEARML_ELASTIC_SERVICE_PASSWORD:-}" ]; then
		login=(-u "${CLEARML_ELASTIC_SERVICE_USERNAME:-}:$CLEARML_ELASTIC_SERVICE_PASSWORD")
	fi
	answer=$(curl -sS --max-time 3 "${login[@]}" -w '\n%{http_code}' \
		"http://$host:$port/_cluster/health?wait_for_status=yellow&timeout=1s" 2>&1)
	case ${answer##*$'\n'}:$answer in
	200:*'"cluster_name"'*) ;;
	401:* | 403:*) if [ ${#login[@]} = 0 ]; then fail login "it requires a user and a password"; else fail password "it rejected the user or the password"; fi ;;
	408:*'"cluster_name"'* | 503:*) fail starting "its cluster is not ready" ;;
	*"timed out"*) fail unreachable "it accepts connections but does not respond" ;;
	*) fail other "it is not Elasticsearch: it responded with ${answer%$'\n'*}" ;;
	esac
}

clearml() {
	connect || return
	answer=$(curl -sS --max-time 3 -o /dev/null -w '%{http_code}' "http://$host:$port/debug.ping" 2>/dev/null)
	case $answer in
	200) ;;
	000) fail unreachable "it accepts connections but does not respond" ;;
	*) fail starting "its ping returned $answer" ;;
	esac
}

resolved() {
	# nginx exits if a name does not resolve. Nothing needs to listen yet.
	answer=$(curl -sS --max-time 2 -o /dev/null -w '%{time_namelookup}' "http://$host:$port/" 2>/dev/null)
	case $?:$answer in
	# An answer, a refused connection, an empty or invalid answer: the name was resolved.
	0:* | 7:* | 52:* | 56:*) ;;
	6:*) fail name "the name $host does not resolve yet" ;;
	# 28: the host or DNS does not answer. If DNS does not, the lookup took no time.
	*:*[1-9]*) ;;
	*) fail name "the name $host does not resolve yet: DNS did not respond within 2 s" ;;
	esac
}

# Checks until it answers, until `$1` seconds have passed, or until a retry cannot help.
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
	# If names of the cluster do not resolve yet, other names do not either.
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

# Waits until `$name` answers. Writes each new reason once.
wait_for() {
	local limit=$((SECONDS + 600)) reason=
	until now=$($kind); do
		now=${now#* }
		now=${now:-no answer}
		[ "$now" = "$reason" ] || echo "waiting for $name: $now"
		reason=$now
		if [ $SECONDS -ge $limit ]; then
			echo "$name did not answer for ten minutes: $reason" | tee $terminal
			exit 1
		fi
		sleep 0.3
	done
	echo "$name answers"
}

waiting=()
while [ $# -ge 4 ]; do
	name=$1 kind=$2 host=$3 port=$4
	shift 4
	wait_for &
	waiting+=($!)
done
for job in "${waiting[@]}"; do wait "$job" || exit 1; done
