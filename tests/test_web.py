"""Pictures from addresses: a server on this machine, and what must never be asked."""

import io
import ipaddress
import socket
import time

import pytest
from PIL import Image
from servers import serving

from helpers import decode
from helpers.pictures import PictureError, open_picture
from helpers.web import AddressError, fetch, is_public


def png():
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server():
    with serving() as server:
        server.content = png()
        yield server


def anyone(address):
    return True


def get(url, **options):
    return fetch(url, allowed=anyone, **options)


def refused(url, **options):
    with pytest.raises(AddressError) as caught:
        get(url, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300
    return sentence


def test_an_address_is_a_picture(server, monkeypatch):
    monkeypatch.setattr(decode, "fetch", get)
    for written in (server.url, f" '{server.url}?width=20 ' ", server.url.replace("http", "HTTP")):
        picture = open_picture(written)
        assert picture.size == (30, 20) and picture.getpixel((0, 0)) == (255, 0, 0)


def test_what_is_no_picture_is_named_by_the_end_of_its_address(server, monkeypatch):
    monkeypatch.setattr(decode, "fetch", get)
    server.content = b"an elephant never forgets"
    with pytest.raises(PictureError, match="^weights.h5 is not a picture that we can open: save it as"):
        open_picture(server.url)


def test_nothing_local_is_asked(server):
    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"):
        with pytest.raises(PictureError, match="leads to this computer or to a network around it: save"):
            open_picture(server.url.replace("127.0.0.1", host))
    assert server.asked == []


def test_a_name_that_leads_home_is_not_followed(server, monkeypatch):
    """One bad address among several is enough, whichever comes first."""
    places = [(socket.AF_INET, 1, 6, "", (ip, server.server_port)) for ip in ("93.184.215.14", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    with pytest.raises(AddressError, match="leads to this computer"):
        fetch("http://innocent.example/cat.png")
    assert server.asked == []


def test_the_name_is_looked_up_once(server, monkeypatch):
    """A name that means another address a moment later does not get us there."""
    looked_up = []

    def once(host, port, **_):
        looked_up.append(host)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", server.server_port))]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", once)
        patch.setattr(socket, "create_connection", lambda place, _: connect(place))
        assert get("http://innocent.example/cat.png") == server.content
    assert looked_up == ["innocent.example"]


def connect(place):
    plain = socket.socket()
    plain.connect(place)
    return plain


def test_a_server_that_leads_on_is_followed_as_carefully(server):
    server.faults = [{"status": 302, "body": b"", "location": "/cat.png"}]
    assert get(server.url) == server.content
    asked = []

    def first_only(address):
        asked.append(address)
        return len(asked) == 1

    server.faults = [{"status": 302, "body": b"", "location": "http://127.0.0.1:1/secret"}]
    with pytest.raises(AddressError, match="127.0.0.1:1/secret leads to this computer"):
        fetch(server.url, allowed=first_only)
    server.faults = [{"status": 301, "body": b"", "location": "file:///etc/passwd"}]
    assert "file:///etc/passwd is no address of a picture" in refused(server.url)
    server.faults = [{"status": 307, "body": b"", "location": "/again"}] * 9
    assert "only leads on to others" in refused(server.url)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ({"body": b"<html>A page</html>", "type": "text/html"}, "is a web page, not a picture"),
        ({"body": b"<!DOCTYPE html><html>", "type": "image/png"}, "is a web page, not a picture"),
        ({"status": 404}, "its server answers 404"),
        ({"body": b"x" * 3000}, "gives more than 0.002 MB"),
        ({"body": b"x" * 3000, "no_length": True}, "gives more than 0.002 MB"),
        ({"length": 500}, "cannot be reached"),
        ({"nothing": True}, "cannot be reached"),
        ({"silent": 0.5}, "within 0.1 seconds"),
        ({"drip": 0.04}, "within 0.1 seconds"),
    ],
)
def test_what_comes_in_place_of_a_picture(server, fault, what):
    server.faults = [fault]
    began = time.monotonic()
    assert what in refused(server.url, seconds=0.1, most_bytes=2000)
    assert time.monotonic() - began < 0.4


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://", "is no address of a picture"),
        ("http://127.0.0.1:99999/x.png", "is no address that works"),
        ("http://[bad/x.png", "is no address that works"),
        ("http://" + "a" * 70 + ".example/x.png", "is no address that works"),
        ("http://127.0.0.1:1/x.png", "cannot be reached"),
        ("https://nowhere.invalid/x.png", "cannot be reached"),
    ],
)
def test_addresses_that_lead_nowhere(url, what):
    assert what in refused(url)


def test_spaces_and_umlauts_in_an_address(server):
    assert get(server.url.replace("weights", "rote Äpfel")) == server.content


def test_an_encrypted_line_with_a_wrong_certificate_is_not_used(server):
    assert "cannot be reached" in refused(server.url.replace("http", "https"), seconds=1)


PUBLIC = "93.184.215.14 2606:2800:21f:cb07:6820:80da:af6b:8b2c 64:ff9b::5db8:d70e"
LOCAL = """
    127.9.9.9 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255
    ::1 :: fe80::1 fd00::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:7f00:1::
"""


def test_which_addresses_are_of_the_open_internet():
    addresses = [ipaddress.ip_address(word) for word in (PUBLIC + LOCAL).split()]
    assert [str(address) for address in addresses if is_public(address)] == PUBLIC.split()
