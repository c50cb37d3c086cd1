"""WASI preview 1 for core modules, made of nothing but memory (docs/adr/0011-a-wasi-of-our-own.md).

Guests reach no kernel through it: files, clock and chance are objects of this process. So every
call is counted, every quota is exact, a sleep ends with the run, and a deterministic run replays.

    abi.py            the numbers and layouts of the standard
    memory.py         bounds-checked access to the guest's memory
    world.py          everything that one guest can reach
    streams.py        standard input, output and error; progress lines
    files.py paths.py the file tree and how names are found in it
    clocks.py         time and chance, real or from a seed
    network.py        responses of `spell.http_fetch` as descriptors
    calls_*.py        the functions of the standard, by area
    linking.py        puts the functions on a wasmtime linker
"""
