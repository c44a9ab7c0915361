from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import World


def events(world: World) -> None:
    world.table("events", "orderid string, quantity int, price double", keys="dt string")
    for day, count in (("2026-11-20", 2), ("2026-11-21", 3)):
        world.put(
            f"events/dt={day}/a.gz", *({"orderid": f"{day}-{n}", "quantity": n, "price": 2.5} for n in range(count))
        )
        world.partition("events", day, location=f"s3://lake/events/dt={day}/")


def test_a_partitioned_table_is_counted_and_only_what_is_needed_is_read(world: World) -> None:
    events(world)
    assert world.rows("SELECT dt, count(*), sum(quantity), sum(price) FROM events GROUP BY dt ORDER BY 1") == [
        ["2026-11-20", "2", "1", "5.0"],
        ["2026-11-21", "3", "3", "7.5"],
    ]
    everything = world.run("SELECT count(*) FROM events")["Statistics"]["DataScannedInBytes"]
    one = world.run("SELECT count(*) FROM events WHERE dt = '2026-11-20'")["Statistics"]["DataScannedInBytes"]
    assert one == world.s3.head_object(Bucket="lake", Key="events/dt=2026-11-20/a.gz")["ContentLength"]
    assert everything > one
