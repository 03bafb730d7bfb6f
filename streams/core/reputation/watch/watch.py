"""The watch: every key's state, taken forward slot by slot; what is due to be said; what a checkpoint holds.

A function of the slots alone. Rows of a slot may come in any order and cut in any way: sums are whole numbers, and
what is not is computed key by key, minute by minute. A checkpoint taken after any slot, and slots replayed from any
earlier one, give the same verdicts bit for bit: a key knows the slot it is true for and passes over what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.aggregates import KeyKind, Level, Signal
from schemas.verdicts import Verdict
from streams.core.compiled import Floats, Ints
from streams.core.meaning import METRICS
from streams.core.names import Names, longer
from streams.core.reputation.levels import worst
from streams.core.reputation.watch import loops
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.exposure import rates
from streams.core.reputation.watch.ladder import LEVELS
from streams.core.reputation.watch.parameters import PARAMETERS, Parameters
from streams.core.reputation.watch.profiles import Profiles

APART_S = 5  # between two verdicts of a key whose level stays
ILL_S = 7 * at.DAY_S  # so long after it was last not healthy every change of a key is said
IDLE_S = 30 * at.DAY_S
ROWS_A_PART = 1000  # half a megabyte: a record of the log
SEPARATOR = b"\x1f"
CLOCK = SEPARATOR * 2  # the row that holds how far event time has come; no key has this name


class Watch:
    """All keys; some 630 bytes each and their names, at most twice that while it grows. Not safe for threads.

    Call `take` and `due` for every slot in turn, `rows` after them; slots without rows may be left out of `take`.
    """

    def __init__(self, parameters: Parameters = PARAMETERS) -> None:
        self._parameters = parameters
        self._profiles = Profiles(parameters)
        self._names = Names()
        self._states = np.zeros((self._names.room, at.WIDTH))
        self._keys: Ints = np.zeros((self._names.room, 3), np.int64)
        self._rates = rates()
        self._event = 0.0  # minutes since the epoch
        self._event_slot = 0  # that raised it last
        self._is_later = False  # than in the last checkpoint
        self._waiting: Ints = np.zeros(0, np.int64)  # places changed since their last verdict, which may be due

    def __len__(self) -> int:
        return len(self._names)

    @property
    def nbytes(self) -> int:
        """Memory of all states and names, with the room left for more."""
        arrays = (self._states, self._keys, *self._names.arrays)
        return sum(array.nbytes for array in arrays)

    def take(self, slot: int, names: Sequence[bytes], minutes: Ints, counts: Ints) -> None:
        """Take one slot in (seconds since the epoch), all partitions together.

        `names[i]`: tenant, kind and key, joined by 0x1F; may repeat. `minutes[i]`: the event minute (ms); later than
        the slot it counts as the slot's. `counts`: a row per name, a column per METRICS.
        """
        if not len(names):
            return
        at_minute = np.minimum(minutes // at.MINUTE_MS, slot // 60)
        later = float(at_minute.max()) + 1.0
        if later > self._event:
            self._event, self._event_slot, self._is_later = later, slot, True
        places = self._places(names)
        order = np.lexsort((at_minute, places))
        touched = np.empty(len(names), np.int64)
        found = loops.take(
            self._states, self._keys, self._profiles.tables, self._rates, places[order], at_minute[order],
            np.ascontiguousarray(counts[order]), slot, self._event, touched,
        )  # fmt: skip
        self._wait(touched[:found], slot)

    def _wait(self, places: Ints, slot: int) -> None:
        ill, level = self._states[places, at.ILL], self._states[places, at.LEVEL]
        is_watched = ((ill >= 0) & (slot - ill <= ILL_S)) | (level != self._states[places, at.SAID_LEVEL])
        self._waiting = np.union1d(self._waiting, places[is_watched])

    def due(self, slot: int) -> list[bytes]:
        """Keys whose verdict is due after this slot, sorted; they count as said.

        Due is a changed level at once; any change of a key that was not healthy within seven days, five seconds
        after the last verdict; and with each of them its tenant, because limits ask how much that sends.
        """
        states, waiting = self._states, self._waiting
        if not len(waiting):
            return []
        is_ready = (states[waiting, at.LEVEL] != states[waiting, at.SAID_LEVEL]) | (
            slot - states[waiting, at.SAID] >= APART_S
        )
        if not is_ready.any():
            return []
        ready = self._with_tenants(waiting[is_ready])
        self._waiting = np.setdiff1d(waiting, ready)
        loops.settle(states, self._keys, self._profiles.tables, self._rates, ready, slot, self._event)
        states[ready, at.SAID_LEVEL] = states[ready, at.LEVEL]
        states[ready, at.SAID] = slot
        self._keys[ready, loops.IS_CHANGED] = 1
        return sorted(self._names.texts(ready))

    def _with_tenants(self, places: Ints) -> Ints:
        """These keys and their tenants' own, those that were counted before, sorted."""
        names = {_tenant_of(name) for name in self._names.texts(places)}
        tenants = self._names.find(sorted(names), is_making=False)
        return np.union1d(places, tenants[tenants >= 0])

    def level(self, name: bytes) -> Level:
        """The key's level as of the last slot in which it was judged; healthy if it is not known."""
        place = self._known(name)
        return LEVELS[int(self._states[place, at.LEVEL])] if place >= 0 else Level.HEALTHY

    def verdict(self, name: bytes, slot: int) -> Verdict:
        """What the detectors say of the key at the end of the slot, without sources. Raises KeyError if unknown."""
        place = self._known(name)
        if place < 0:
            raise KeyError(name)
        state = self._states[place]
        tenant, kind, key = name.decode().split("\x1f", 2)
        signals = self._signals(place)
        return Verdict(
            tenant=tenant,
            kind=kind,
            key=key,
            at=(slot + 1) * 1000,
            event_at=int(state[at.EVENT]) * at.MINUTE_MS,
            began_at=int(state[at.BEGAN]) * 1000,
            level=worst(signal.level for signal in signals),
            exposed=round(float(state[at.EXPOSED]), 3),
            parameters=self._parameters.version,
            signals=list(signals),
            **dict(zip(METRICS, state[: at.COUNTS].astype(np.int64).tolist(), strict=True)),
        )

    def signals(self, name: bytes) -> tuple[Signal, ...]:
        """What the key's detectors say; nothing of a key that is not known. Warnings only when they speak."""
        place = self._known(name)
        return self._signals(place) if place >= 0 else ()

    def _signals(self, place: int) -> tuple[Signal, ...]:
        found = []
        for watching in self._profiles.detectors[self._keys[place, loops.PROFILE]]:
            signal = watching.detector.signal(self._states[place])
            if not watching.detector.is_warning or signal.level != Level.HEALTHY:
                found.append(signal)
        return tuple(found)

    def rows(self) -> list[tuple[list[bytes], Floats]]:
        """States changed since the last call, sorted by name, in parts. The clock's row is the last of the last one.

        Write the parts in this order: a checkpoint of which only the first ones were written is one as well.
        """
        used = self._names.used()
        changed = used[self._keys[used, loops.IS_CHANGED] != 0]
        self._keys[changed, loops.IS_CHANGED] = 0
        names = self._names.texts(changed)
        order = sorted(range(len(names)), key=names.__getitem__)
        states = self._states[changed[order]]
        names = [names[place] for place in order]
        if self._is_later:
            names.append(CLOCK)
            clock = np.zeros((1, at.WIDTH))
            clock[0, at.EVENT], clock[0, at.SLOT] = self._event, self._event_slot
            states = np.concatenate([states, clock])
            self._is_later = False
        parts = range(0, len(names), ROWS_A_PART)
        return [(names[first : first + ROWS_A_PART], states[first : first + ROWS_A_PART]) for first in parts]

    def restore(self, names: Sequence[bytes], states: Floats, slot: int) -> None:
        """Take a part of a checkpoint back, true for `slot`: the inverse of `rows`. Newer parts come later.

        Raises ValueError for rows of another width: they are another version's.
        """
        if states.shape != (len(names), at.WIDTH):
            raise ValueError(f"a state has {at.WIDTH} numbers, not {states.shape[-1]}: written by another version")
        if names and names[-1] == CLOCK:
            self._event, self._event_slot = float(states[-1, at.EVENT]), int(states[-1, at.SLOT])
            names, states = names[:-1], states[:-1]
        places = self._places(names)
        self._states[places] = states
        self._keys[places, loops.TRUE_FOR] = slot
        self._keys[places, loops.IS_CHANGED] = 0
        is_open = states[:, at.SLOT] > states[:, at.SAID]
        self._waiting = np.setdiff1d(self._waiting, places)
        self._wait(places[is_open], slot)

    def forget(self, slot: int) -> list[bytes]:
        """Drop keys of which nothing was counted for thirty days; their names, sorted."""
        used = self._names.used()
        idle = used[self._states[used, at.SLOT] < slot - IDLE_S]
        names = sorted(self._names.texts(idle))
        self._names.drop(idle)
        self._states[idle], self._keys[idle] = 0.0, 0
        self._waiting = np.setdiff1d(self._waiting, idle)
        return names

    def _known(self, name: bytes) -> int:
        return int(self._names.find([name], is_making=False)[0])

    def _places(self, names: Sequence[bytes]) -> Ints:
        """Where the keys are; unknown ones are made."""
        self._names.reserve(len(names), sum(map(len, names)))
        if len(self._states) < self._names.room:
            self._states = longer(self._states, self._names.room)
            self._keys = longer(self._keys, self._names.room)
        places = self._names.find(names, is_making=True)
        made = np.flatnonzero(places < 0)
        places[made] = -2 - places[made]
        if len(made):
            self._keys[places[made], loops.PROFILE] = self._profiles.of([names[row] for row in made.tolist()])
        return places


def _tenant_of(name: bytes) -> bytes:
    """The key of the tenant that this key belongs to."""
    tenant = name.partition(SEPARATOR)[0]
    return SEPARATOR.join((tenant, KeyKind.TENANT.encode(), tenant))
