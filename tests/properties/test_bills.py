"""Bills of materials: whatever one says, both formats carry it, and their validators agree.

Goal: no loss through conversion. Method: random bills with awkward texts go through either format
and back, and through one after the other; every document is read with full validation.
"""

import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.supply_chain.bills.licenses import LICENSE_REF, ref_for
from infra.supply_chain.bills.reading import read_bill, write_bill
from schema.contracts.bill import (
    Bill,
    BillFamily,
    BillFormat,
    Component,
    ComponentKind,
    NamedLicense,
)

DIGITS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3-256": 64,
    "blake2b-384": 96,
    "blake3": 64,
    "adler32": 8,
    "streebog-256": 64,
    "md6": 100,
    "md2": 32,
    "made-up": 10,
}
# Plain characters, and those that ids, URLs, agents and expressions give a meaning to.
TEXTS = st.text(
    st.sampled_from(string.ascii_letters + string.digits + ' ()@:/#?-_.+%"\\\n\t{}é語\x7f😀'),
    min_size=1,
    max_size=20,
)
REFS = TEXTS | st.sampled_from(
    ["SPDXRef-a", "SPDXRef-DOCUMENT", "SPDXRef-ref-a", "SPDXRef-ref--3a-", "pkg:npm/a@1", "NONE"]
)
PURLS = TEXTS | st.sampled_from(["pkg:npm/%40a/b@1.0", "pkg:golang/x.y/z@v1?a=b#c", "pkg:x"])
SUPPLIERS = TEXTS.map(str.strip).filter(bool) | st.sampled_from(
    ["Acme (sales@acme.example)", "Person: Jane (j@x.example)", "Person: Jane", "(x)", "Acme ()"]
)
OWN_LICENSES = [
    NamedLicense(ref="LicenseRef-own", name="Own License", text="You may.\n"),
    NamedLicense(ref="LicenseRef-1.0", text="All rights.", see_also=["https://a.example/x"]),
    NamedLicense(ref="LicenseRef-N", name="N", see_also=["http://a.example", "http://b.example"]),
    NamedLicense(ref=ref_for("Listed"), name="Listed"),
]
LICENSES = st.sampled_from(
    [
        *("MIT", "mit", "GPL-2.0+", "Apache-2.0 OR MIT", "MIT AND (BSD-3-Clause OR ISC)"),
        *("GPL-2.0-only WITH Classpath-exception-2.0", "NONE", "LicenseRef-unlisted"),
        *("LicenseRef-own", "LicenseRef-own OR MIT", "LicenseRef-1.0", "LicenseRef-N AND MIT"),
        *("(MIT) AND (Apache-2.0)", "(MIT) AND (LicenseRef-own)", "(Foo) AND (MIT)"),
        *("Apache License, Version 2.0", "Foo", "Foo OR Bar", "MIT WITH Foo", "MIT OR", "((("),
        *("NOASSERTION", "DocumentRef-a:LicenseRef-b", "Not Yet Listed-9.9", "MIT/Apache-2.0"),
        *("((MIT OR ISC)) AND (MIT)", "(MIT OR ISC) AND (MIT)", "((MIT)) AND (MIT)", "(a) OR (b)"),
        *("(LicenseRef-unlisted) AND (MIT)", ")(", "((MIT OR)) AND (MIT)"),
        f"(MIT) AND ({ref_for('Listed')})",
    ]
)
HASHES = st.dictionaries(st.sampled_from(sorted(DIGITS)), st.integers(0, 15), max_size=4).map(
    lambda found: {name: f"{digit:x}" * DIGITS[name] for name, digit in found.items()}
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    refs = draw(st.lists(REFS, min_size=0, max_size=4, unique=True))
    targets = st.lists(st.sampled_from([*refs, "gone"]), max_size=3, unique=True)
    components = [
        draw(
            st.builds(
                Component,
                ref=st.just(ref),
                name=TEXTS,
                kind=st.sampled_from(ComponentKind),
                group=optional(TEXTS),
                version=optional(TEXTS),
                purl=optional(PURLS),
                supplier=optional(SUPPLIERS),
                hashes=HASHES,
                license_declared=optional(LICENSES | TEXTS),
                license_concluded=optional(LICENSES),
                depends_on=targets,
                provides=targets,
            )
        )
        for ref in refs
    ]
    return Bill(
        format=BillFormat.CYCLONEDX_1_6,
        name=draw(TEXTS),
        serial=draw(optional(TEXTS | st.just("https://a.example/b") | st.just(URN))),
        created_at=draw(optional(st.sampled_from(TIMES))),
        root=draw(optional(st.sampled_from(refs))) if refs else None,
        components=components,
        named_licenses=draw(st.lists(st.sampled_from(OWN_LICENSES), unique_by=lambda x: x.ref)),
    )


URN = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
TIMES = [
    "2026-11-25T10:00:00Z",
    "2026-11-25T10:00:00.123+02:00",
    "yesterday",
    "0001-01-01T00:00:00Z",
]


def kept(bill: Bill) -> dict[str, Any]:
    """What a conversion must keep, without the order of things."""
    components = {
        item.ref: item.model_dump()
        | {"depends_on": set(item.depends_on), "provides": set(item.provides)}
        for item in bill.components
    }
    texts = str([(item.license_declared, item.license_concluded) for item in bill.components])
    used = LICENSE_REF.findall(texts)
    licenses = {
        # One that is only a name may be forgotten once nothing names it.
        item.ref: item
        for item in bill.named_licenses
        if item.ref in used or item.ref != ref_for(item.name or "")
    }
    return bill.model_dump(exclude={"format", "components"}) | {
        "components": components,
        "named_licenses": licenses,
    }


def through(bill: Bill, family: BillFamily) -> Bill:
    document = write_bill(bill, family)
    assert write_bill(bill, family) == document, "the same bill, other bytes"
    check = read_bill(document)
    assert check.bill is not None, check.reasons
    assert check.reasons == []
    assert check.bill.format.family is family
    return check.bill


@settings(max_examples=150, deadline=None)
@given(bills())
def test_a_bill_comes_back_from_cyclonedx_as_it_was(bill: Bill) -> None:
    assert kept(through(bill, BillFamily.CYCLONEDX)) == kept(bill)


@settings(max_examples=150, deadline=None)
@given(bills())
def test_a_bill_comes_back_from_spdx_as_it_was(bill: Bill) -> None:
    assert kept(through(bill, BillFamily.SPDX)) == kept(bill)


@settings(max_examples=150, deadline=None)
@given(bills())
def test_a_bill_survives_one_format_after_the_other(bill: Bill) -> None:
    there = through(bill, BillFamily.SPDX)
    back = through(there, BillFamily.CYCLONEDX)
    again = through(back, BillFamily.SPDX)
    assert kept(there) == kept(back) == kept(again) == kept(bill)
