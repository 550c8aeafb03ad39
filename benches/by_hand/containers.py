"""The same work with six plain containers."""
from .host import run, timed
from .manual import await_login


def plain_containers(prefix, images, ports):
    """Starts six containers on one network at once, like Compose. Returns the seconds until a login."""
    network = prefix + "-plain"
    databases = ["CLEARML_ELASTIC_SERVICE_HOST=clearml-elastic-master", "CLEARML_ELASTIC_SERVICE_PORT=9200",
                 "CLEARML_MONGODB_SERVICE_HOST=clearml-mongodb", "CLEARML_MONGODB_SERVICE_PORT=27017",
                 "CLEARML_REDIS_SERVICE_HOST=clearml-redis-master", "CLEARML_REDIS_SERVICE_PORT=6379"]
    keys = []
    for name in ["APISERVER", "TESTS", "WEBSERVER"]:
        keys += ["CLEARML__SECURE__CREDENTIALS__%s__USER_KEY=%skeyaaaaaaaaaaaa" % (name, name.lower()),
                 "CLEARML__SECURE__CREDENTIALS__%s__USER_SECRET=%ssecretaaaaaaaaaa" % (name, name.lower())]
    server = ["CLEARML__APISERVER__PRE_POPULATE__ENABLED=true", "CLEARML_SERVER_DEPLOYMENT_TYPE=helm-cloud",
              "CLEARML__APISERVER__PRE_POPULATE__ZIP_FILES=/opt/clearml/db-pre-populate",
              "CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE=864000", "CLEARML_CONFIG_DIR=/opt/clearml/config",
              "CLEARML__APISERVER__DEFAULT_COMPANY=d1bd92a3b039400cbafc60a7a5b1e52b",
              "CLEARML__SECURE__HTTP__SESSION_SECRET__APISERVER=sessionaaaaaaaaaaaa",
              "CLEARML__SECURE__AUTH__TOKEN_SECRET=tokenaaaaaaaaaaaaaaa"]
    elastic = ["discovery.type=single-node", "cluster.name=clearml-elastic", "xpack.security.enabled=false",
               "node.store.allow_mmap=false", "ES_JAVA_OPTS=-Xmx512m -Xms512m", "reindex.remote.whitelist='*.*'",
               "ingest.geoip.downloader.enabled=false"]
    parts = [
        ("mongodb", images.reference("mongodb"), ["-u", "999:999", "-v", network + "-m:/data/db"], [],
         ["--setParameter", "internalQueryMaxBlockingSortMemoryUsageBytes=196100200"]),
        ("redis-master", images.reference("redis"), ["-u", "999:999", "-v", network + "-r:/data"], [],
         ["--appendonly", "yes", "--save", "", "--protected-mode", "no"]),
        ("elastic-master", images.reference("elasticsearch"),
         ["-u", "1000:0", "-m", "1g", "-v", network + "-e:/usr/share/elasticsearch/data"], elastic, []),
        ("apiserver", images.reference("clearml"), ["-p", "127.0.0.1:%d:8008" % ports["api"], "--restart", "always"],
         databases + keys + server, ["apiserver"]),
        ("fileserver", images.reference("clearml"),
         ["-p", "127.0.0.1:%d:8081" % ports["files"], "-v", network + "-f:/mnt/fileserver"],
         databases + ["CLEARML_CONFIG_DIR=/opt/clearml/config", "CLEARML__HOSTS__API_SERVER=http://clearml-apiserver:8008"],
         ["fileserver"]),
        ("webserver", images.reference("clearml"), ["-p", "127.0.0.1:%d:80" % ports["web"], "--restart", "always"],
         ["NGINX_APISERVER_ADDRESS=http://clearml-apiserver:8008", "NGINX_FILESERVER_ADDRESS=http://clearml-fileserver:8081"],
         ["webserver"]),
    ]
    try:
        def start():
            run("docker", "network", "create", network)
            for name, image, options, env, arguments in parts:
                env = [word for pair in env + ["STANDIN_REAL_TIMES=1"] for word in ("-e", pair)]
                run("docker", "run", "-d", "--name", network + "-" + name, "--network", network, "--network-alias",
                    "clearml-" + name, *options, *env, image, *arguments)
            await_login("127.0.0.1", ports["api"], "testskeyaaaaaaaaaaaa", "testssecretaaaaaaaaaa")
        return timed(start)
    finally:
        for name, *_ in parts:
            run("docker", "rm", "-fv", network + "-" + name, check=False)
        for volume in "mref":
            run("docker", "volume", "rm", network + "-" + volume, check=False)
        run("docker", "network", "rm", network, check=False)
