# Runs the stand-ins of a release as plain containers in their own network, with helpers
# for requests. Sourced by `check` and `check-values`, with the release as the first
# argument.
release=${1:-1.5.0}
case $release in
1.5.0) clearml=allegroai/clearml:1.5.0 mongo=mongo:4.4.29 redis=redis:6.2 elastic=docker.elastic.co/elasticsearch/elasticsearch:7.17.29 ;;
2.3) clearml=clearml/server:2.3.0 mongo=mongo:7.0.22 redis=redis:7.4.1 elastic=docker.elastic.co/elasticsearch/elasticsearch:8.17.0 ;;
esac
network=standin-check-$$
key=testskeyaaaaaaaaaaaa secret=testssecretaaaaaaaaaa
scratch=$(mktemp -d)

clean() {
	docker ps -aq --filter "network=$network" | xargs -r docker rm -f -v >/dev/null
	docker volume ls -q --filter "name=$network" | xargs -r docker volume rm >/dev/null
	docker network rm "$network" >/dev/null
	rm -rf "$scratch"
}

start() { # PART IMAGE ARGUMENTS-OF-RUN… -- ARGUMENTS-OF-ENTRY…
	local part=$1 image=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	docker run -d --name "$network-$part" --network "$network" --network-alias "clearml-$part" "${options[@]}" "$image" "$@" >/dev/null
}

inside() { docker exec "$network-$1" "${@:2}"; }

eventually() { # SECONDS COMMAND…
	local deadline=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || { echo "FAILED: ${*:2}" && return 1; }
		sleep 0.3
	done
}

expect() { # TITLE EXPECTED ACTUAL
	case $3 in
	*"$2"*) echo "ok: $1" ;;
	*)
		echo "FAILED: $1: expected $2, got $3"
		exit 1
		;;
	esac
}

api() { # ENDPOINT BODY [CURL ARGUMENTS…]
	inside apiserver curl -s -X POST "http://127.0.0.1:8008/$1" -d "$2" "${@:3}"
}

field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

login() { api auth.login '' -u "${1:-$key:$secret}"; }

# The environment of the API server in the manifests, with the databases under their own
# names.
credentials=()
for name in APISERVER TESTS WEBSERVER; do
	credentials+=(-e "CLEARML__SECURE__CREDENTIALS__${name}__USER_KEY=${name,,}keyaaaaaaaaaaaa"
		-e "CLEARML__SECURE__CREDENTIALS__${name}__USER_SECRET=${name,,}secretaaaaaaaaaa")
done
databases=(-e CLEARML_ELASTIC_SERVICE_HOST=clearml-elastic-master -e CLEARML_ELASTIC_SERVICE_PORT=9200
	-e CLEARML_MONGODB_SERVICE_HOST=clearml-mongodb -e CLEARML_MONGODB_SERVICE_PORT=27017
	-e CLEARML_REDIS_SERVICE_HOST=clearml-redis-master -e CLEARML_REDIS_SERVICE_PORT=6379)
fileserver=()
[ "$release" = 1.5.0 ] || fileserver=(-e CLEARML__SECURE__CREDENTIALS__FILESERVER__USER_KEY=filesrvkeyaaaa
	-e CLEARML__SECURE__CREDENTIALS__FILESERVER__USER_SECRET=filesrvsecretaaaa)
apiserver=("${databases[@]}" "${credentials[@]}" "${fileserver[@]}"
	-e CLEARML__APISERVER__PRE_POPULATE__ENABLED=true -e CLEARML__APISERVER__PRE_POPULATE__ZIP_FILES=/opt/clearml/db-pre-populate
	-e CLEARML_SERVER_DEPLOYMENT_TYPE=helm-cloud -e CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE=864000
	-e CLEARML_CONFIG_DIR=/opt/clearml/config -e CLEARML__APISERVER__DEFAULT_COMPANY=d1bd92a3b039400cbafc60a7a5b1e52b
	-e CLEARML__SECURE__HTTP__SESSION_SECRET__APISERVER=sessionaaaaaaaaaaaa -e CLEARML__SECURE__AUTH__TOKEN_SECRET=tokenaaaaaaaaaaaaaaa)

docker network create "$network" >/dev/null
trap clean EXIT
