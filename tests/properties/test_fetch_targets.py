"""Goal: whatever a guest or a server writes as a URL, only an allowed host comes out of it."""

from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from runner.egress.messages import SUBJECT_CHARS_MAX
from runner.egress.refused import RefusedError
from runner.egress.targets import Target, redirected, subject_of, target_of

ALLOWED = ["api.example.com", "*.example.org"]
PIECES = st.sampled_from(
    [
        *("https:", "http:", "//", "/", "\\", "@", ":", "#", "?", "[", "]", "%", ".", "..", ","),
        *(
            "api.example.com",
            "example.org",
            "a.example.org",
            "evil.net",
            "127.0.0.1",
            "::1",
            "0x7f",
        ),
        *(
            "443",
            "80",
            "%2f",
            "%00",
            "\t",
            "\n",
            " ",
            "\u3002",
            "\uff0f",
            "\u00ad",
            "xn--",
            "\u00e4",
        ),
    ]
)
URLS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(URLS)
@example("https://xn--pi-api-1234.example.com/")
@example("https://a.example.org")
@example("https://[::1")
@example("https://\ud800/")
def test_a_url_leads_to_an_allowed_host_or_nowhere(url: str) -> None:
    target = outcome(lambda: target_of(url, ALLOWED))
    if isinstance(target, str):
        assert target in {"denied", "invalid"}
        return
    check(target)
    assert subject_of(url) == target.host
    assert target_of(target.url, ALLOWED) == target, "it has one spelling"


@given(URLS)
@example("/a")
@example("//evil.net/")
def test_a_redirect_leads_to_an_allowed_host_or_nowhere(location: str) -> None:
    target = outcome(lambda: redirected(Target("api.example.com", "/x"), location, ALLOWED))
    if isinstance(target, str):
        assert target in {"denied", "unreachable"}
    else:
        check(target)


@given(URLS)
def test_the_subject_of_a_url_is_short_and_plain(url: str) -> None:
    subject = subject_of(url)
    assert len(subject) <= SUBJECT_CHARS_MAX
    assert subject.isascii()
    assert subject.isprintable()


def outcome(find: Callable[[], Target]) -> Target | str:
    try:
        return find()
    except RefusedError as refused:
        return refused.refusal


def check(target: Target) -> None:
    assert target.host == "api.example.com" or target.host.endswith(".example.org")
    assert target.path.startswith("/")
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path
