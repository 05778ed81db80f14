#!/usr/bin/env python3
"""qdrant-edge beside usearch and comparing everything, over the vectors of a data folder (ADR 15).

    python3 -m venv v && v/bin/pip install numpy qdrant-edge-py==0.9.0 usearch
    v/bin/python vector_libraries.py DATA/index/vectors

One vector a title (the first), the ten nearest others of 150 titles, unfiltered and where 1, 10, 50 and 99 % of the titles
pass, by their number. Rates are of CPU time, of one search after the other; the vectors are made into Python's lists before.
"""
import os
import struct
import sys
import tempfile
import time
from importlib.metadata import version

import numpy
import qdrant_edge as qdrant
from usearch.index import Index

ASKED, NEAREST = 150, 10
SHARES = (1, 10, 50, 99)


def vectors(path):
    """The first vector of each title, as the index's file has them (`stores-embedded`, exact/format.rs)."""
    data = open(path, "rb").read()
    assert data[:8] == b"MGVECTOR" and struct.unpack_from("<I", data, 8)[0] == 2, "a vector index of format 2"
    dimension, name = struct.unpack_from("<II", data, 16)
    at, found = 16 + 8 + name + 4, {}
    while data[at : at + 4] == b"batc":
        end = at + 16 + struct.unpack_from("<I", data, at + 4)[0]
        at += 16 + 9
        while at < end:
            kind, title = data[at], data[at + 1 : at + 17]
            at += 17
            if kind == 2:
                found.pop(title, None)
                continue
            at += 3
            tags = struct.unpack_from("<H", data, at)[0]
            at += 2
            for _ in range(tags):
                at += 1 + data[at]
            count = data[at]
            at += 1
            if count:
                found[title] = numpy.frombuffer(data, "<f4", dimension, at + 8)
                at += 8 + 4 * dimension * count
    return numpy.array([found[title] for title in sorted(found)])


def passes(number, share):
    """Whether a title is among this many of a hundred, whatever its neighbours are."""
    return (number * 2_654_435_761 % 2**32) % 100 < share


def resident():
    """Bytes of this process that are in memory, mapped files included."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured(what, ask, asked, truth):
    """Recall and rate of `ask`, which gives the ten nearest of a title."""
    for number in asked[:20]:
        ask(number)
    started, wall = time.process_time(), time.perf_counter()
    found = [ask(number) for number in asked]
    spent, waited = time.process_time() - started, time.perf_counter() - wall
    right = sum(len(set(some) & set(best)) for some, best in zip(found, truth))
    whole = sum(len(best) for best in truth)
    rate = f"{len(asked) / spent:7.0f}/s of CPU  {len(asked) / waited:7.0f}/s by the clock"
    print(f"{what:<44} recall@10 {right / whole:.3f}  {rate}", flush=True)


def main(path):
    all_vectors = vectors(path)
    count, dimension = all_vectors.shape
    asked = list(range(0, count, count // ASKED))[:ASKED]
    lists = {number: all_vectors[number].tolist() for number in asked}
    print(f"{count} vectors of {dimension}; qdrant-edge-py {version('qdrant-edge-py')}, usearch {version('usearch')}")

    def exact(share):
        among = numpy.array([number for number in range(count) if passes(number, share)])
        best = []
        for number in asked:
            scores = all_vectors[among] @ all_vectors[number]
            order = among[numpy.argsort(-scores, kind="stable")]
            best.append([int(other) for other in order[: NEAREST + 1] if other != number][:NEAREST])
        return best

    truths = {share: exact(share) for share in (100, *SHARES)}

    def filled(what, quantization):
        """A shard with every vector, one segment of them in a graph."""
        folder, started, before = tempfile.mkdtemp(), time.process_time(), resident()
        params = qdrant.EdgeVectorParams(size=dimension, distance=qdrant.Distance.Dot)
        graph = qdrant.HnswIndexConfig(m=16, ef_construct=128, full_scan_threshold=10_000)
        optimizers = qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1)
        config = qdrant.EdgeConfig(
            vectors=params,
            hnsw_config=graph,
            optimizers=optimizers,
            quantization_config=quantization,
            max_search_threads=1,
        )
        shard = qdrant.EdgeShard.create(folder, config)
        shard.update(qdrant.UpdateOperation.create_field_index("in", qdrant.PayloadSchemaType.Keyword))
        for start in range(0, count, 1_000):
            numbers = range(start, min(start + 1_000, count))
            shares = {number: [str(share) for share in SHARES if passes(number, share)] for number in numbers}
            points = [qdrant.Point(number, all_vectors[number].tolist(), {"in": shares[number]}) for number in numbers]
            shard.update(qdrant.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        spent, grown = time.process_time() - started, resident() - before
        size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)
        per = f"{grown / count:.0f} bytes a vector resident, {size / count:.0f} on disk"
        print(f"{what}: {spent:.0f} s of CPU to build, {per}, {shard.info().indexed_vectors_count} in the graph")
        return shard

    def nearest(shard, share, width, quantized):
        must = [qdrant.FieldCondition(key="in", match=qdrant.MatchValue(value=str(share)))]
        only = qdrant.Filter(must=must) if share < 100 else None
        rescored = qdrant.QuantizationSearchParams(rescore=True, oversampling=quantized) if quantized else None
        params = qdrant.SearchParams(hnsw_ef=width, quantization=rescored)

        def ask(number):
            request = qdrant.QueryRequest(
                query=qdrant.Query.Nearest(lists[number]), limit=NEAREST + 1, filter=only, params=params
            )
            return [point.id for point in shard.query(request) if point.id != number][:NEAREST]

        return ask

    shard = filled("qdrant-edge", None)
    for width in (64, 128, 256, 512):
        measured(f"qdrant-edge, all, {width} candidates", nearest(shard, 100, width, None), asked, truths[100])
    for share in SHARES:
        measured(f"qdrant-edge, {share} %, 256 candidates", nearest(shard, share, 256, None), asked, truths[share])
    shard.close()
    bits = qdrant.BinaryQuantizationConfig(always_ram=True)
    shard = filled("qdrant-edge, bits", bits)
    for width in (256, 512):
        what = f"qdrant-edge, bits, all, {width}, rescored"
        measured(what, nearest(shard, 100, width, width / (NEAREST + 1)), asked, truths[100])
    for share in SHARES:
        what = f"qdrant-edge, bits, {share} %, 512, rescored"
        measured(what, nearest(shard, share, 512, 512 / (NEAREST + 1)), asked, truths[share])
    shard.close()

    for kind in ("f32", "bf16", "i8"):
        index = Index(ndim=dimension, metric="ip", dtype=kind, connectivity=16, expansion_add=128)
        started = time.process_time()
        index.add(numpy.arange(count), all_vectors, threads=1)
        spent = time.process_time() - started
        for width in (64, 128, 256, 512):
            index.expansion_search = width

            def ask(number):
                keys = index.search(all_vectors[number], NEAREST + 1, threads=1).keys
                return [int(key) for key in keys if key != number][:NEAREST]

            measured(f"usearch {kind}, all, {width} candidates ({spent:.0f} s to build)", ask, asked, truths[100])


if __name__ == "__main__":
    main(sys.argv[1])
