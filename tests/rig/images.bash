# Assembles images: layers of programs with their libraries, and an archive that
# `docker load` reads. Sourced by `standins`, which sets `target`, `packages`, `work`,
# `content_label` and, for images of real sizes, `padding`.

# The images that `manifest` lists.
declare -A layers=() digests=()
entries=()

# Copies programs and their libraries into a root.
copy_programs() { # ROOT PROGRAM...
	local root=$1 program
	shift
	for program in "$@"; do
		install -D -m 755 "$program" "$root/usr/bin/$(basename "$program")"
	done
	copy_libraries "$root" "$@"
}

# Copies libraries below /usr, where the links of the base layer point to. Other layers
# only contain libraries that the base layer lacks.
copy_libraries() { # ROOT PROGRAM...
	local root=$1 architecture library place
	architecture=$(uname -m)-linux-gnu
	shift
	LD_LIBRARY_PATH=$packages/root/usr/lib/$architecture ldd "$@" | grep -o '/[^ :]*\.so[^ :]*' | sort -u | while read -r library; do
		case $library in
		/lib*/ld-*) place=usr$library ;;
		*) place=usr/lib/$architecture/${library##*/} ;;
		esac
		[ -e "$work/base/$place" ] || install -D "$library" "$root/$place"
	done
}

# Creates the layer with a shell and the small programs that every image has.
base_layer() {
	local root=$work/base directory
	mkdir -p "$root"/{dev,etc,proc,sys,tmp,root,run,usr/{bin,sbin,lib,lib64,local/bin},var/log}
	for directory in bin sbin lib lib64; do
		ln -s "usr/$directory" "$root/$directory"
	done
	local programs
	mapfile -t programs < <(dpkg -L coreutils | grep -E '^(/usr)?/s?bin/' | while read -r file; do [ ! -x "$file" ] || [ -d "$file" ] || echo "$file"; done)
	copy_programs "$root" /bin/bash /bin/dash /bin/grep /bin/sed /usr/bin/setpriv "${programs[@]}"
	ln -s dash "$root/usr/bin/sh"
	echo "hosts: files dns" >"$root/etc/nsswitch.conf"
	chmod 1777 "$root/tmp"
}

# Creates a layer of programs.
programs_layer() { # NAME
	local programs=$packages/root/usr/bin
	case $1 in
	base) base_layer ;;
	standin)
		install -D "$target/release/standin" "$work/standin/usr/local/bin/standin"
		copy_libraries "$work/standin" "$target/release/standin"
		;;
	curl) copy_programs "$work/curl" "$(command -v curl)" ;;
	redis) copy_programs "$work/redis" "$programs/redis-server" "$programs/redis-cli" ;;
	tini) copy_programs "$work/tini" "$programs/tini" ;;
	esac
}

# Creates the layer NAME from $work/NAME, unless it already exists.
layer() { # NAME
	[ -z "${layers[$1]:-}" ] || return 0
	[ -d "$work/$1" ] || programs_layer "$1"
	local file=$work/archive/$1.tar
	[ -f "$file" ] || pack "$1" "$file"
	layers[$1]=$1.tar
	digests[$1]=$(sha256sum "$file" | cut -d ' ' -f 1)
}

# Adds the layers that `padding` has written for an image, and sets `padded` to their
# names.
padding_layers() { # KIND
	local file name
	padded=()
	[ -n "${padding:-}" ] || return 0
	for file in "$padding/$1"-*.tar; do
		name=padding-$(basename "$file" .tar)
		ln -sf "$file" "$work/archive/$name.tar"
		layers[$name]=$name.tar
		digests[$name]=$(cat "${file%.tar}.sha256")
		padded+=("$name")
	done
}

pack() { # NAME FILE
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work/$1" -cf "$2" .
}

# Creates the layer NAME from $work/NAME, then adds directories with another owner.
add_directories() { # NAME UID:GID DIRECTORY...
	local name=$1 owner=$2
	shift 2
	pack "$name" "$work/archive/$name.tar"
	(cd "$work/$name" && mkdir -m 775 -p "$@")
	append "$name" "$owner" "$@"
}

append() { # NAME UID:GID FILE...
	local name=$1 owner=$2
	shift 2
	tar --append --mtime=@0 --owner="${owner%:*}" --group="${owner#*:}" --numeric-owner --no-recursion \
		-C "$work/$name" -f "$work/archive/$name.tar" "${@/#/./}"
}

users() { # ROOT LINE...
	local root=$1 line name uid gid home
	shift
	mkdir -p "$root/etc"
	for line in root:0:0:/root "$@"; do
		IFS=: read -r name uid gid home <<<"$line"
		echo "$name:x:$uid:$gid::$home:/bin/bash" >>"$root/etc/passwd"
		echo "$name:x:$gid:" >>"$root/etc/group"
	done
}

# Creates the top layer of an image and its configuration.
image() { # KIND REFERENCE CONTENT
	local kind=$1 reference=$2 content=$3 version=${2##*:} entry command='[]' user= directory=/ volumes='{}' environment=() shared=(base standin)
	local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	local name=$kind-$version
	local root=$work/$name
	mkdir -p "$root/etc"
	echo "$version" >"$root/etc/standin-version"
	case $kind in
	clearml)
		install -D "tests/standin/images/clearml" "$root/opt/clearml/entrypoint"
		mkdir -p "$root"/{opt/clearml/{config,db-pre-populate},mnt/fileserver,usr/share/nginx/html}
		install -m 644 tests/standin/images/configuration.json "$root/usr/share/nginx/html/"
		# An empty archive: the record that ends every zip file.
		printf 'PK\x05\x06%18s' '' | tr ' ' '\0' >"$root/opt/clearml/db-pre-populate/examples.zip"
		users "$root"
		entry='["/opt/clearml/entrypoint"]' directory=/opt/clearml shared+=(curl)
		;;
	mongo)
		local shell=mongosh program
		case $version in 4.* | 5.*) shell=mongo ;; esac
		install -D "tests/standin/images/mongo" "$root/usr/local/bin/docker-entrypoint.sh"
		mkdir -p "$root/usr/bin"
		for program in mongod $shell; do ln -s /usr/local/bin/standin "$root/usr/bin/$program"; done
		users "$root" mongodb:999:999:/data/db
		mkdir -p "$root/data"
		add_directories "$name" 999:999 data/db data/configdb
		entry='["docker-entrypoint.sh"]' command='["mongod"]' volumes='{"/data/db":{},"/data/configdb":{}}'
		environment=(HOME=/data/db "MONGO_VERSION=$version")
		;;
	redis)
		install -D "tests/standin/images/redis" "$root/usr/local/bin/docker-entrypoint.sh"
		users "$root" redis:999:999:/home/redis
		add_directories "$name" 999:999 data
		entry='["docker-entrypoint.sh"]' command='["redis-server"]' directory=/data volumes='{"/data":{}}' shared+=(redis)
		environment=("REDIS_VERSION=$version")
		;;
	elasticsearch)
		local home=usr/share/elasticsearch
		install -D "tests/standin/images/elasticsearch" "$root/usr/local/bin/docker-entrypoint.sh"
		users "$root" elasticsearch:1000:1000:/$home
		add_directories "$name" 1000:0 $home $home/{bin,config,data,logs}
		ln -s /usr/local/bin/standin "$root/$home/bin/elasticsearch"
		install -m 664 tests/standin/images/elasticsearch.yml "$root/$home/config/"
		append "$name" 1000:0 $home/{bin/elasticsearch,config/elasticsearch.yml}
		entry='["/bin/tini","--","/usr/local/bin/docker-entrypoint.sh"]' command='["eswrapper"]' directory=/$home shared+=(curl tini)
		# Version 8 starts as its user; version 7 changes the user in its entry script.
		case $version in 7.*) ;; *) user=1000:0 ;; esac
		path=/$home/bin:$path environment=(ELASTIC_CONTAINER=true)
		;;
	esac
	local part diff_ids= files= padded
	# They are the lowest layers, so that no layer above is shared with images of another
	# size.
	padding_layers "$kind"
	for part in "${padded[@]}" "${shared[@]}" "$name"; do
		layer "$part"
		diff_ids+=",\"sha256:${digests[$part]}\""
		files+=",\"${layers[$part]}\""
	done
	local variables=
	for part in "PATH=$path" "${environment[@]}"; do variables+=",\"$part\""; done
	cat >"$work/archive/$name.json" <<-JSON
		{"architecture":"$(dpkg --print-architecture)","os":"linux","created":"2026-01-01T00:00:00Z",
		"config":{"Env":[${variables#,}],"Entrypoint":$entry,"Cmd":$command,"User":"$user","WorkingDir":"$directory","Volumes":$volumes,
		"Labels":{"clearml-local.standin":"true","$content_label":"$content"}},
		"rootfs":{"type":"layers","diff_ids":[${diff_ids#,}]}}
	JSON
	entries+=("{\"Config\":\"$name.json\",\"RepoTags\":[\"$reference\"],\"Layers\":[${files#,}]}")
}

# Prints the list of images, the last file of the archive.
manifest() {
	local IFS=,
	echo "[${entries[*]}]"
}
