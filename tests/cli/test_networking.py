import socket
import sys

import pytest

from videollama.cli.networking import listen, require_packages
from videollama.errors import InputError


def test_a_place_is_held_until_it_is_closed():
    with listen("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        with pytest.raises(InputError, match=rf"{host}, port {port}; another program"):
            listen(host, port)
    listen(host, port).close()


def test_an_address_that_is_not_of_this_machine_is_one_sentence():
    with pytest.raises(InputError, match="choose another --port or --host"):
        listen("203.0.113.1", 0)


def test_an_address_of_the_sixth_version_is_listened_on_too():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    listen("::1", 0).close()


def test_all_extras_that_are_needed_are_installed_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r'gradio .* pip install "videollama\[serve,web\]"'):
        require_packages("serve", "web")
