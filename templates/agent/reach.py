"""Makes this pod reach the server as its users do, and waits until the API server answers.

Arguments: the URLs of the API server and of the file server, the directory with what this pod
knows of them, and the file for the certificates that tasks trust. The last line says why it
fails.
"""

import os
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# `agent status` tells these failures apart.
UNKNOWN_NAME, UNTRUSTED = 68, 77
# An ingress controller that starts has its own certificate, and DNS may be late.
GRACE = int(os.environ.get("CLEARML_LOCAL_GRACE", "20"))
PUBLIC = [
    ssl.get_default_verify_paths().cafile,
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
]


def say(text):
    print(f"clearml-local: {text}", flush=True)


def fail(code, text):
    say(text)
    sys.exit(code)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def public_certificates():
    for path in filter(None, PUBLIC):
        if text := read(path):
            return text
    try:
        from pip._vendor import certifi
    except ImportError:
        return ""
    return read(certifi.where())


def resolves(name):
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False


def add_names(known):
    """Adds the names that only the users' machine resolves. The program knows their addresses."""
    for line in known.splitlines():
        if resolves(line.split()[1]):
            continue
        try:
            with open("/etc/hosts", "a", encoding="utf-8") as hosts:
                hosts.write(f"{line}\n")
        except OSError as error:
            say(f"cannot add {line} to /etc/hosts: {error}")


def why_not(url):
    """Returns the exit code and the reason for which a URL never answers; the code is 0 if it may."""
    name = urllib.parse.urlsplit(url).hostname
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        return 0, str(error)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            reason = error.reason.verify_message
            return UNTRUSTED, f"its pods do not trust the certificate of {name}: {reason}"
        if isinstance(error.reason, socket.gaierror):
            return UNKNOWN_NAME, f"the name {name} does not resolve in its pods"
        return 0, str(error.reason)
    except (OSError, ValueError) as error:
        return 0, str(error)
    return None


def main(api, files, knows, trusted):
    add_names(read(f"{knows}/hosts"))
    if private := read(f"{knows}/ca.pem"):
        with open(trusted, "w", encoding="utf-8") as file:
            file.write(f"{public_certificates()}\n{private}\n")
        # Of this process; start.sh sets those of the tasks.
        os.environ["SSL_CERT_FILE"] = trusted
    began, waits = time.monotonic(), False
    while found := why_not(f"{api}/debug.ping"):
        code, reason = found
        if code and time.monotonic() - began > GRACE:
            fail(code, reason)
        if not waits:
            say(f"waiting for the API server at {api}")
            waits = True
        time.sleep(2)
    # Only what never helps: a task without artifacts needs no file server.
    code, reason = why_not(files) or (0, "")
    if code:
        fail(code, reason)


main(*sys.argv[1:])
