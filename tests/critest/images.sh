#!/usr/bin/env bash
# tests/critest/images.sh: stand-ins for the images that critest pulls, as the storage of a registry, in
# CRISP_CACHE/critest/images-STAMP (default /var/cache/crisp-tests). Prints that directory; docker-registry serves it. A change to
# this file or to programs.sh builds it anew. The repository holds nothing binary.
#
# The names are those of critest (pkg/validate and pkg/framework of cri-tools) without their registry: mirrors that hosts.toml
# names for registry.k8s.io, gcr.io and k8s.gcr.io all lead here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/critest/common.sh
. "$here/common.sh"
programs=$("$here/programs.sh")
cached images umoci:umoci skopeo:skopeo

say "layers"
layers=$work/layers
busybox=$layers/busybox
mkdir -p "$busybox/"{bin,dev,etc,home,proc,root,sys,usr,var/run,var/log} "$layers"
mkdir -m 1777 "$busybox/tmp" "$busybox/var/tmp"
chmod 700 "$busybox/root"
cp "$programs/busybox" "$busybox/bin/busybox"
for applet in $("$busybox/bin/busybox" --list); do
	# Hard links: a mask over /bin/ls that followed a symbolic link would hide busybox itself.
	[ "$applet" = busybox ] || ln "$busybox/bin/busybox" "$busybox/bin/$applet"
done
cat > "$busybox/etc/passwd" <<-END
	root:x:0:0:root:/root:/bin/sh
	daemon:x:1:1:daemon:/usr/sbin:/bin/false
	www-data:x:33:33:www-data:/var/www:/bin/false
	nobody:x:65534:65534:nobody:/home:/bin/false
END
cat > "$busybox/etc/group" <<-END
	root:x:0:
	daemon:x:1:
	www-data:x:33:
	nogroup:x:65534:
END
echo 'root:*:::::::' > "$busybox/etc/shadow"

nginx=$layers/nginx
mkdir -p "$nginx/var/log/nginx" "$nginx/var/lib/nginx" "$nginx/usr/share/nginx/html"
cp -a "$programs/nginx/." "$nginx"
echo '<p>nginx</p>' > "$nginx/usr/share/nginx/html/index.html"
# nginx_config PORT: on which a web server answers, from one worker, its log to the container's.
nginx_config() {
	cat <<-END
		user www-data;
		worker_processes 1;
		pid /var/run/nginx.pid;
		error_log /dev/stderr notice;
		events {
		    worker_connections 256;
		}
		http {
		    include mime.types;
		    access_log /dev/stdout;
		    server {
		        listen $1;
		        root /usr/share/nginx/html;
		    }
		}
	END
}
nginx_config 80 > "$nginx/etc/nginx/nginx.conf"
mkdir -p "$layers/hostnet/etc/nginx"
nginx_config 12003 > "$layers/hostnet/etc/nginx/nginx.conf"

httpd=$layers/httpd
modules=/usr/lib/apache2/modules
mkdir -p "$httpd/etc/apache2" "$httpd/srv"
cp -a "$programs/httpd/." "$httpd"
# Apache calls itself in its log by the name it was started with, and a spec looks for httpd there.
mv "$httpd/usr/sbin/apache2" "$httpd/usr/sbin/httpd"
echo '<p>httpd</p>' > "$httpd/srv/index.html"
cat > "$httpd/etc/apache2/apache2.conf" <<-END
	ServerRoot /etc/apache2
	ServerName localhost
	Listen 80
	LoadModule mpm_event_module $modules/mod_mpm_event.so
	LoadModule authz_core_module $modules/mod_authz_core.so
	LoadModule dir_module $modules/mod_dir.so
	User www-data
	Group www-data
	PidFile /var/run/httpd.pid
	DefaultRuntimeDir /var/run
	ErrorLog /dev/stderr
	DocumentRoot /srv
	DirectoryIndex index.html
END

group=$layers/group
mkdir -p "$group/etc"
{ cat "$busybox/etc/passwd" && echo 'default-user:x:1000:1000:default-user:/home:/bin/sh'; } > "$group/etc/passwd"
{ cat "$busybox/etc/group" && printf 'default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n'; } > "$group/etc/group"

mkdir -p "$layers/nonewprivs" "$layers/pause"
install -m 4755 "$programs/nonewprivs" "$layers/nonewprivs/nonewprivs"
install -m 755 "$programs/pause" "$layers/pause/pause"

say "images"
oci=$work/oci
umoci init --layout "$oci"
# image TAG "LAYER..." OPTION...: an image of the layout, with umoci's options for its configuration.
image() {
	local tag=$1 layer
	umoci new --image "$oci:$tag"
	for layer in $2; do
		umoci insert --image "$oci:$tag" "$layers/$layer" /
	done
	umoci config --image "$oci:$tag" --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:3}"
}
# marked TAG OPTION...: busybox and a file that makes the image's id its own.
marked() {
	mkdir -p "$layers/mark-$1"
	echo "$1" > "$layers/mark-$1/$1"
	image "$1" "busybox mark-$1" --config.cmd sh "${@:2}"
}
image busybox busybox --config.cmd sh
image nginx "busybox nginx" --config.cmd nginx --config.cmd -g --config.cmd "daemon off;"
image hostnet "busybox nginx hostnet" --config.cmd nginx --config.cmd -g --config.cmd "daemon off;"
image httpd "busybox httpd" --config.cmd httpd --config.cmd -DFOREGROUND
image nonewprivs nonewprivs --config.cmd /nonewprivs
image pause pause --config.entrypoint /pause --config.user 65535:65535
image predefined-group "busybox group" --config.cmd sh --config.user 1000
for mark in test all latest 1 2 3 tags; do
	marked "$mark"
done
marked user-uid --config.user 1002
marked user-username --config.user www-data
marked user-uid-group --config.user 1003:1004
marked user-username-group --config.user www-data:1004

say "push"
registry_start "$out" "$work"
# push TAG NAME...: pushes an image of the layout; some in Docker's format, as most of critest's are.
push() {
	local tag=$1 name format=oci
	shift
	case $tag in busybox | nginx | pause) format=v2s2 ;; esac
	for name in "$@"; do
		skopeo --insecure-policy copy -q --format "$format" --dest-tls-verify=false "oci:$oci:$tag" "docker://$registry_address/$name"
	done
}
staging=k8s-staging-cri-tools
push busybox e2e-test-images/busybox:1.29-2
push nginx e2e-test-images/nginx:1.14-2
push httpd e2e-test-images/httpd:2.4.39-4
push nonewprivs e2e-test-images/nonewprivs:1.3
push hostnet "$staging/hostnet-nginx-amd64:latest"
push pause pause:3.9
push test "$staging/test-image-tag:test"
push all "$staging/test-image-tag:all"
push latest "$staging/test-image-latest:latest"
push 1 "$staging/test-image-1:latest"
push 2 "$staging/test-image-2:latest"
push 3 "$staging/test-image-3:latest"
push tags "$staging/test-image-tags:1" "$staging/test-image-tags:2" "$staging/test-image-tags:3"
for user in uid username uid-group username-group; do
	push "user-$user" "$staging/test-image-user-$user:latest"
done
push predefined-group "$staging/test-image-predefined-group:latest"
registry_stop
finished
