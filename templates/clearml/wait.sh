# wait.sh NAME KIND HOST PORT: waits until a dependency speaks its protocol, for
# ten minutes at most, with every attempt bounded too: a connection can hang
# before DNS and kube-proxy are up. Only programs that the server's image has.
name=$1 kind=$2 host=$3 port=$4
limit=$((SECONDS + 600))
reason=

redis() {
	timeout 2 bash -c '
		exec 3<>"/dev/tcp/$0/$1" || exit 1
		printf "PING\r\n" >&3
		read -r -t 1 answer <&3 || { echo "it accepts connections and says nothing"; exit 1; }
		case $answer in +PONG*) ;; *) echo "it answers $answer"; exit 1 ;; esac
	' "$host" "$port" 2>&1
}

mongodb() {
	# MongoDB answers a browser on its own port with a sentence.
	answer=$(curl -sS --max-time 2 "http://$host:$port/" 2>&1)
	case $answer in *"MongoDB over HTTP"*) ;; *) echo "$answer"; return 1 ;; esac
}

elasticsearch() {
	answer=$(curl -sS --max-time 3 -o /dev/null -w '%{http_code}' \
		"http://$host:$port/_cluster/health?wait_for_status=yellow&timeout=1s" 2>&1)
	[ "$answer" = 200 ] || { echo "${answer#000}"; return 1; }
}

resolved() {
	# The web server ends when a name does not resolve; that nothing listens yet
	# is fine.
	curl -sS --max-time 2 -o /dev/null "http://$host:$port/" 2>/dev/null
	[ $? -ne 6 ] || { echo "the name $host does not resolve yet"; return 1; }
}

while ! now=$($kind); do
	if [ "$now" != "$reason" ]; then
		reason=$now
		echo "waiting for $name: ${reason:-no answer}"
	fi
	if [ $SECONDS -ge $limit ]; then
		echo "$name did not answer for ten minutes: $reason" | tee /dev/termination-log
		exit 1
	fi
	sleep 0.5
done
echo "$name answers"
