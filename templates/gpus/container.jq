# Adds GPUs to the configuration of a container: the devices, and what Docker mounted in the node
# together with them. $devices has lines `MAJOR MINOR PATH`, $links lines `LINK FILE`, and $mounts
# is /proc/self/mountinfo of the node.

# Most programs look for libraries only where their image lists them. Images for CUDA list this
# directory too, which GKE uses as well.
def libraries: "/usr/local/nvidia/lib64";

def name: sub(".*/"; "");
def is_library: name | test("^lib.+\\.so(\\.|$)");
def lines($text): $text | split("\n") | map(select(. != "") | split(" "));

# The files of the driver. Docker mounts nothing else in these directories, apart from the modules
# of the kernel and the files about the network.
def driver:
  lines($mounts) | map(.[4]) | unique
  | map(select(
      test("^/(bin|etc|lib|lib32|lib64|opt|sbin|usr)/")
      and (test("^(/usr)?/lib/modules(/|$)|^/etc/(hostname|hosts|resolv.conf)$") | not)
      # A space or a backslash in a path: no file of a driver has one.
      and (contains("\\") | not)));

# The names of a library: the linker looks for links such as libcuda.so.1.
def names: . as $file | [name] + [lines($links)[] | select(.[1] == $file) | .[0] | name] | unique;

def mount($destination):
  {type: "bind", source: ., destination: $destination, options: ["rbind", "ro", "nosuid", "nodev"]};

# A library of another architecture may have the same name: the first directory of those with 64 in
# their name takes precedence.
def mounts:
  driver as $driver
  | ($driver | map(mount(.)))
  + ([$driver | sort_by(test("64") | not)[] | select(is_library) as $file
      | names[] as $name | $file | mount(libraries + "/" + $name)]
    | reduce .[] as $one ([];
        if any(.[]; .destination == $one.destination) then . else . + [$one] end));

def number: tonumber;

(lines($devices) | map({type: "c", major: (.[0] | number), minor: (.[1] | number), path: .[2]}))
  as $given
| .linux.devices += [$given[] | . + {fileMode: 438, uid: 0, gid: 0}]
| .linux.resources.devices +=
    [$given[] | {allow: true, type, major, minor, access: "rwm"}]
| .mounts += mounts
| .process.env |= (
    (map(select(startswith("LD_LIBRARY_PATH="))) | first // "LD_LIBRARY_PATH=") as $path
    | map(select(startswith("LD_LIBRARY_PATH=") | not))
    + [if $path | contains(libraries) then $path
       elif $path | endswith("=") then $path + libraries
       else $path + ":" + libraries end])
