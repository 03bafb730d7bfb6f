"""The input of the benchmarks and its truth, held against the product's own core."""

from __future__ import annotations

from collections import Counter

from benchmarks import events
from benchmarks.events import METRICS, Rows, Source, Traffic
from benchmarks.peers import job
from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.events import EmailEvent
from streams.core.partials import PartitionCounts
from streams.lane.guard import apart

TRAFFIC = Traffic(events=3_000, seed=3, partitions=2, campaigns=5, ips=4, minutes=2, repeats=0.1)


def test_the_truth_is_what_the_reputation_core_counts() -> None:
    source, codec = Source(TRAFFIC), Codec()
    records = list(source.records())
    found = Rows()
    for number in range(TRAFFIC.partitions):
        values = [made.value for made in records if made.partition == number]
        state = PartitionCounts(number, codec, apart)
        state.fold(values, range(len(values)))
        for _, value in state.cut(len(values)).rows:
            if value is not None and codec.version_of(value).record is ReputationPartial:
                row = codec.decode(value, ReputationPartial)
                counts = Counter({name: getattr(row, name) for name in METRICS if getattr(row, name)})
                found[number, row.kind, row.key, row.minute] = counts
    assert found == source.rows()


def test_repeats_are_whole_records_of_the_same_partition() -> None:
    source = Source(TRAFFIC)
    records = list(source.records())
    seen = Counter((made.partition, made.value) for made in records)
    assert source.repeated == len(records) - len(seen) > 200


def test_the_same_seed_makes_the_same_records_and_another_one_others() -> None:
    def values(seed: int) -> list[bytes]:
        return events.bodies(Source(Traffic(events=50, seed=seed)).records())

    assert values(1) == values(1) != values(2)


def test_the_simple_job_of_the_peers_has_the_fingerprint_of_the_truth() -> None:
    source, decode = Source(TRAFFIC), job.decoder()
    counts = Counter[tuple[str, str, int]]()
    for made in source.records():
        event = decode(made.value)
        counts[event["sending_ip"], event["mailbox_provider"], event["occurred_at"] // job.MINUTE_MS] += 1
    assert job.digest_of(counts) == source.simple_digest()
    counts["192.0.2.0", "gmail", 0] += 1
    assert job.digest_of(counts) != source.simple_digest()


def test_peers_decode_the_three_fields_they_need_and_no_more() -> None:
    made = next(Source(TRAFFIC).records())
    event = Codec().decode(made.value, EmailEvent)
    assert job.decoder()(made.value) == {name: getattr(event, name) for name in job.FIELDS}
