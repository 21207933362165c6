#!/bin/bash
# recipes.sh NAME: unpack, patch and build one library of the static prefix (see ./build).
#
# From the environment: NAU_PREFIX, NAU_SOURCES, NAU_WORK, CC, CXX, CFLAGS, CXXFLAGS, CPPFLAGS, LDFLAGS.
# Called by ./Makefile, whose job slots the makes in here share.
set -euo pipefail
name=$1
P=$NAU_PREFIX
log=$NAU_WORK/$name.log

unpack() { # library: enter a fresh tree of it
    local tarball dir=$NAU_WORK/$1
    tarball=$(find "$NAU_SOURCES/$1" -maxdepth 1 -name '*.tar.*' | head -1)
    mkdir -p "$dir"; cd "$dir"
    tar -xf "$tarball" --strip-components=1
    if [ -s "$NAU_SOURCES/$1/debian/patches/series" ]; then
        local patch
        while read -r patch _; do
            case $patch in '' | '#'*) continue ;; esac
            # A patch that does not apply may be the security fix: that is an error, not a warning.
            patch -sfp1 <"$NAU_SOURCES/$1/debian/patches/$patch" ||
                { echo "$1: patch $patch does not apply"; return 1; }
        done <"$NAU_SOURCES/$1/debian/patches/series"
    fi
    # Patches touch *.ac and *.am. Generated files that look older would start automake: make them newer.
    find . -name aclocal.m4 -exec touch {} +
    find . \( -name 'config.h.in' -o -name 'curl_config.h.in' -o -name Makefile.in \) -exec touch {} +
    find . -name configure -exec touch {} +
}

pc() { # name version libs: a pkg-config file for libraries that bring none
    printf 'Name: %s\nDescription: %s\nVersion: %s\nLibs: -L%s/lib %s\nCflags: -I%s/include\n' \
        "$1" "$1" "$2" "$P" "$3" "$P" >"$P/lib/pkgconfig/$1.pc"
}

autoconf=(--prefix="$P" --libdir="$P/lib" --disable-shared --enable-static --disable-dependency-tracking --without-pic)

build_zlib() {
    unpack zlib
    ./configure --static --prefix="$P" --libdir="$P/lib"
    make libz.a
    cp libz.a "$P/lib/"; cp zlib.h zconf.h "$P/include/"; cp zlib.pc "$P/lib/pkgconfig/"
}

build_zstd() {
    unpack zstd
    # Threads inside the library serve compression only, and nau compresses layers in parallel itself.
    make -C lib libzstd.a ZSTD_LIB_DICTBUILDER=0 ZSTD_LIB_DEPRECATED=0 ZSTD_LEGACY_SUPPORT=0
    make -C lib libzstd.pc PREFIX="$P" LIBDIR="$P/lib" INCLUDEDIR="$P/include"
    cp lib/libzstd.a "$P/lib/"; cp lib/zstd.h lib/zstd_errors.h "$P/include/"
    cp lib/libzstd.pc "$P/lib/pkgconfig/"
}

build_xz() { # docker archives (`nau load`) may be xz: the decoder is what counts
    unpack xz
    ./configure "${autoconf[@]}" --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo \
        --disable-lzma-links --disable-scripts --disable-doc --disable-nls --disable-microlzma --disable-lzip-decoder
    make
    make install
}

build_isal() { # igzip only; the assembler is nasm
    unpack isal
    make -f Makefile.unx lib units="igzip crc" CC="$CC"
    cp bin/isa-l.a "$P/lib/libisal.a"
    mkdir -p "$P/include/isa-l"; cp include/*.h "$P/include/isa-l/"
    pc libisal "$(sed -n 's/^version ?= *//p' make.inc)" -lisal
}

build_openssl() {
    unpack openssl
    # Nothing that is loaded at run time, nothing that TLS 1.2/1.3 with today's certificates does not use.
    local off=(shared pic dso module engine legacy autoload-config tests ui-console async
        ssl3 tls1 tls1_1 dtls srp srtp comp cms ts psk ec2m
        idea seed camellia aria bf cast md4 mdc2 rc2 rc4 rc5 rmd160 whirlpool sm2 sm3 sm4 gost dsa)
    local minor; minor=$(sed -n 's/^MINOR=//p' VERSION.dat)
    [ "$minor" -lt 2 ] || off+=(docs apps quic)
    [ "$minor" -lt 5 ] || off+=(ml-dsa slh-dsa)
    env -u CPPFLAGS -u LDFLAGS ./Configure "linux-$(uname -m)" "${off[@]/#/no-}" \
        --prefix="$P" --libdir=lib --openssldir=/etc/ssl
    make -s build_libs
    make -s install_dev
}

build_nghttp2() { # Debian's tarball is a snapshot without configure; two dozen plain C files need no autotools
    unpack nghttp2
    local version file
    version=$(sed -n 's/^AC_INIT(\[nghttp2\], \[\([0-9.]*\)\].*/\1/p' configure.ac)
    sed -e "s/@PACKAGE_VERSION@/$version/" \
        -e "s/@PACKAGE_VERSION_NUM@/$(printf '0x%02x%02x%02x' "${version%%.*}" "$(cut -d. -f2 <<<"$version")" "${version##*.}")/" \
        lib/includes/nghttp2/nghttp2ver.h.in >lib/includes/nghttp2/nghttp2ver.h
    for file in lib/*.c; do
        # shellcheck disable=SC2086
        $CC $CFLAGS -DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H -DHAVE_TIME_H -DHAVE_DECL_CLOCK_MONOTONIC=1 -DHAVE_CLOCK_GETTIME \
            -DBUILDING_NGHTTP2 -DNGHTTP2_STATICLIB -Ilib/includes -Ilib -c "$file" -o "${file%.c}.o"
    done
    ar rcs "$P/lib/libnghttp2.a" lib/*.o
    mkdir -p "$P/include/nghttp2"; cp lib/includes/nghttp2/*.h "$P/include/nghttp2/"
    pc libnghttp2 "$version" -lnghttp2
}

build_cares() {
    unpack cares
    # c-ares takes its order from the host's nsswitch.conf; with `resolve` or `dns` ahead of `files` and a
    # server that refuses, /etc/hosts is never read. Without that file it is hosts first, then DNS.
    sed -i 's#"/etc/nsswitch.conf"#"/dev/null"#' src/lib/ares_*.c
    ./configure "${autoconf[@]}" --disable-tests CPPFLAGS="$CPPFLAGS -DCARES_STATICLIB"
    make
    make install
}

build_curl() { # HTTP(S) with proxies; names through c-ares, since getaddrinfo would load the host's NSS
    unpack curl
    ./configure "${autoconf[@]}" --with-openssl="$P" --with-nghttp2="$P" --enable-ares="$P" --with-zlib="$P" --with-zstd="$P" \
        --disable-threaded-resolver --enable-unix-sockets --enable-proxy --enable-http-auth --disable-openssl-auto-load-config \
        --without-ca-bundle --without-ca-path --without-brotli --without-libpsl --without-libidn2 --without-librtmp \
        --without-libssh2 --without-gssapi --without-ngtcp2 --without-nghttp3 \
        --disable-ldap --disable-ldaps --disable-ftp --disable-file --disable-rtsp --disable-dict --disable-telnet \
        --disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt \
        --disable-manual --disable-ntlm --disable-ntlm-wb --disable-tls-srp --disable-sspi --disable-aws \
        --disable-alt-svc --disable-hsts --disable-netrc --disable-libcurl-option --disable-doh --disable-cookies \
        --disable-mime --disable-progress-meter --disable-docs --disable-websockets --disable-ca-search --disable-ipfs
    make -C lib
    make -C lib install
    make -C include install
    make install-pkgconfigDATA
}

build_sqlite() {
    unpack sqlite
    if [ ! -e sqlite3.c ]; then  # the full source tree; the project's own tarball has the one big file
        ./configure --prefix="$P" --disable-shared --disable-tcl --disable-load-extension --disable-readline
        make sqlite3.c sqlite3.h
    fi
    # shellcheck disable=SC2086
    $CC $CFLAGS -c sqlite3.c -o sqlite3.o -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_THREADSAFE=1 -DSQLITE_DQS=0 \
        -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_OMIT_DEPRECATED \
        -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_USE_ALLOCA -DSQLITE_MAX_EXPR_DEPTH=0 -DSQLITE_OMIT_PROGRESS_CALLBACK
    ar rcs "$P/lib/libsqlite3.a" sqlite3.o
    cp sqlite3.h "$P/include/"
    pc sqlite3 "$(sed -n 's/^#define SQLITE_VERSION  *"\(.*\)"/\1/p' sqlite3.h)" -lsqlite3
}

build_libseccomp() {
    unpack libseccomp
    ./configure "${autoconf[@]}"
    make -C include
    make -C src libseccomp.la
    make -C src install-libLTLIBRARIES
    make -C include install
    make install-pkgconfDATA
}

build_libcap() {
    unpack libcap
    make -C libcap libcap.a libcap.pc CC="$CC" COPTS="$CFLAGS" prefix="$P" lib=lib BUILD_CC="$CC" GOLANG=no
    mkdir -p "$P/include/sys"
    cp libcap/libcap.a "$P/lib/"; cp libcap/include/sys/capability.h "$P/include/sys/"
    cp libcap/libcap.pc "$P/lib/pkgconfig/"
}

build_fmt() {
    unpack fmt
    # shellcheck disable=SC2086
    $CXX $CXXFLAGS -std=c++20 -Iinclude -c src/format.cc -o format.o
    # shellcheck disable=SC2086
    $CXX $CXXFLAGS -std=c++20 -Iinclude -c src/os.cc -o os.o
    ar rcs "$P/lib/libfmt.a" format.o os.o
    cp -r include/fmt "$P/include/"
    pc fmt "$(awk '/define FMT_VERSION/ { v = $3 } END { printf "%d.%d.%d", v / 10000, v / 100 % 100, v % 100 }' \
        include/fmt/{core,base}.h 2>/dev/null)" -lfmt
}

build_headers() {
    (unpack json; cp -r include/nlohmann "$P/include/"
        pc nlohmann_json "$(sed -n 's/^project(nlohmann_json VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)" '')
    (unpack doctest; mkdir -p "$P/include/doctest"; cp doctest/doctest.h "$P/include/doctest/"
        pc doctest "$(cat scripts/version.txt)" '')
}

started=$(date +%s)
# (descriptors 3 and 4 are the job slots of make)
report() {
    local status=$?
    if [ $status -eq 0 ]; then
        printf '  %-11s %4d s\n' "$name" $(($(date +%s) - started)) >&13
    else
        printf '  %-11s FAILED, the end of its log:\n' "$name" >&13
        tail -20 "$log" >&13
    fi
}
trap report EXIT
exec 13>&1 >"$log" 2>&1
"build_$name"
