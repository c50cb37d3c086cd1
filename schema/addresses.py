"""Which addresses are on the public internet, and so may be connected to for strangers.

`ipaddress.is_global` is not enough. On Python 3.11 it calls global, among others: all multicast,
6to4 relays (192.88.99.0/24), 6to4 (2002::/16) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48), which have
any IPv4 address inside, IPv4-compatible addresses (::/96), site-local ones (fec0::/10), most of
192.0.0.0/24, and what was reserved since (3fff::/20, 5f00::/16). Later versions differ, so it only
comes on top of lists of ours.
"""

import ipaddress

_IPV4_REFUSED = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata, 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, a public address that is answered inside only
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata, 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
# All that is allocated to anyone in public. Outside of it lie loopback, unspecified, IPv4-mapped,
# IPv4-compatible, NAT64, unique local (AWS's metadata, fd00:ec2::254), link-local and multicast.
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")
_IPV6_REFUSED = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, with an IPv4 address inside
        "3fff::/20",  # documentation
    )
]


def is_public(text: str) -> bool:
    """Whether an address is in public, global unicast space.

    Args:
        text: as the resolver gives it; what is no address is not public.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4_REFUSED)
    if address.scope_id is not None or address not in _IPV6_UNICAST:
        return False
    return not any(address in network for network in _IPV6_REFUSED)
