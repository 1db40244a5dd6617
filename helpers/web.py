"""Fetching a picture from an address on the internet: nothing local, nothing endless, no web page."""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import urllib.parse

import certifi

from helpers.errors import ReaderError

MOST_BYTES = 60_000_000  # a photo of 108 megapixels has about half
SECONDS = 30  # for all of it
REDIRECTS = 5
PIECE = 2**16
HEADERS = {"User-Agent": "make-your-own-image-recogniser", "Accept": "image/*", "Accept-Encoding": "identity"}
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # where a network without IPv4 puts the addresses of IPv4


class AddressError(ReaderError):
    """An address gives no picture; the message is one plain sentence for the reader."""


def is_public(address):
    """Whether an IP address is one of the open internet, not of this computer or of a network around it.

    address: an ipaddress.IPv4Address or IPv6Address.
    """
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.ip_address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def fetch(url, allowed=is_public, seconds=SECONDS, most_bytes=MOST_BYTES):
    """The bytes that an address gives.

    url: begins with http:// or https://. It may lead on to others up to REDIRECTS times.
    allowed: a function that says of an IP address whether we may connect to it; asked for every address on
        the way, after its name was looked up and before anything is sent. seconds, most_bytes: the limits.
    Raises AddressError: wrong address, no connection, not allowed, too slow, too large, or a web page.
    """
    for _ in range(REDIRECTS + 1):
        status, headers, content = _ask(url, allowed, seconds, most_bytes)
        if status not in (301, 302, 303, 307, 308) or "Location" not in headers:
            break
        url = urllib.parse.urljoin(url, headers["Location"])
    else:
        raise AddressError(f"{_short(url)} only leads on to others: give the address of the picture itself.")
    if status != 200:
        raise AddressError(f"{_short(url)} gives no picture, its server answers {status}: check the address.")
    if "html" in headers.get("Content-Type", "") or content.lstrip()[:9].lower() in (b"<!doctype", b"<html"):
        raise AddressError(
            f"{_short(url)} is a web page, not a picture: click on the picture there with the right button, "
            "copy the address of the picture, and give that."
        )
    return content


def _short(url):
    return url if len(url) <= 80 else f"{url[:77]}..."


def _ask(url, allowed, seconds, most_bytes):
    """One request: (status, headers, content); the content only where the status is 200."""
    overdue = threading.Event()
    connection = timer = None
    try:
        connection, path = _connection(url, allowed, seconds)
        sock = connection.sock

        def stop():
            overdue.set()
            sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, stop)  # a server that sends a byte now and then is never silent
        timer.start()
        connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        content = _read(answer, url, most_bytes) if answer.status == 200 else b""
        if overdue.is_set():
            raise TimeoutError
        return answer.status, answer.headers, content
    except AddressError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if overdue.is_set() or isinstance(error, TimeoutError):
            what = f"gave no picture within {seconds} seconds"
        elif isinstance(error, (ValueError, http.client.InvalidURL)):
            what = "is no address that works"
        else:
            what = "cannot be reached"
        raise AddressError(
            f"{_short(url)} {what}: check the address and the connection, or save the picture in a folder, "
            "and give its path."
        ) from error
    finally:
        if timer:
            timer.cancel()
        if connection:
            connection.close()


def _read(answer, url, most_bytes):
    content = bytearray()
    while piece := answer.read1(PIECE):
        content += piece
        if len(content) > most_bytes:
            raise AddressError(
                f"{_short(url)} gives more than {most_bytes / 1e6:g} MB: save it in a folder, make it "
                "smaller, and give its path."
            )
    if answer.length:
        raise http.client.IncompleteRead(bytes(content))
    return bytes(content)


def _connection(url, allowed, seconds):
    """A connection to an IP address that we have looked at, and the path to ask for there."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise AddressError(f"{_short(url)} is no address of a picture: give one with http:// or https://.")
    host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    secure = parts.scheme.lower() == "https"
    port = parts.port or (443 if secure else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = [place[:2] for *_, place in found]
    if not all(allowed(ipaddress.ip_address(address.partition("%")[0])) for address, _ in places):
        raise AddressError(
            f"{_short(url)} leads to this computer or to a network around it: save the picture in a folder, "
            "and give its path."
        )
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.sock = _connected(places, seconds)
    if secure:
        context = ssl.create_default_context(cafile=certifi.where())
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        connection.default_port = 443  # so that the header Host does not name it
    query = f"?{parts.query}" if parts.query else ""
    return connection, re.sub(r"[^!-~]", lambda odd: urllib.parse.quote(odd[0]), (parts.path or "/") + query)


def _connected(places, seconds):
    """A socket to the first of these places that answers."""
    for place in places[:-1]:
        try:
            return socket.create_connection(place, seconds)
        except OSError:
            continue
    return socket.create_connection(places[-1], seconds)
