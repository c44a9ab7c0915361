from __future__ import annotations

import pickle
import threading

import pytest
from moto.sqs.models import Queue

from salespipe.local.moto import pickling as moto_pickle


def test_locks_and_conditions_come_back_free() -> None:
    queue = Queue("q", "us-east-1", "123456789012")
    lock = threading.Lock()
    with lock, queue._messages_lock:
        restored, fresh = moto_pickle.load(moto_pickle.dump((queue, lock)))
    with restored._messages_lock:
        assert fresh.acquire(blocking=False)


def test_what_cannot_be_pickled_says_so() -> None:
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
        moto_pickle.dump(lambda: 0)
