"""What the supply-chain gate takes: `python -m bench.supply_chain`."""

from bench.signatures import measure_verification


def main() -> None:
    """Measure and print each part."""
    print("\n".join(measure_verification().lines()))


if __name__ == "__main__":
    main()
