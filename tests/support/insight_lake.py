"""Orders as they lie in the lake of a running local AWS, and the same figures as the insights', by plain Python."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from salespipe.aws import Aws

CENT = Decimal("0.01")
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    orderid: str
    created: datetime
    customer: str
    quantity: int
    amount: Decimal
    status: str = ""
    product: tuple[str, str] = ("", "")
    category: str = ""
    region: str = ""
    channel: str = ""

    @property
    def sold(self) -> bool:
        return self.status not in {"cancelled", "returned"}


def from_file(file: Path) -> list[Order]:
    """CDNOW: neither products nor statuses."""
    with file.open(newline="", encoding="utf-8") as rows:
        return [
            Order(
                row["order_no"],
                datetime.fromisoformat(row["date"]),
                row["customer"],
                int(row["cds"]),
                Decimal(row["dollars"]),
            )
            for row in csv.DictReader(rows)
        ]


def seeded() -> list[Order]:
    """A shop's hundred and twenty days, the same every time."""
    chance = random.Random(7)  # noqa: S311 - for making up data
    orders = []
    for number in range(600):
        product = chance.randrange(6)
        quantity = chance.choice((1, 1, 1, 2, 2, 3, 5, 7, 12))
        orders.append(
            Order(
                f"o-{number:04d}",
                datetime(2026, 3, 1) + timedelta(seconds=int(chance.random() * 120 * 86400)),
                f"c-{int(chance.paretovariate(1.2)) % 90:02d}",
                quantity,
                (Decimal(499 + 750 * product) / 100 * quantity).quantize(CENT),
                chance.choice(("paid", "shipped", "delivered", "delivered", "delivered", "cancelled", "returned")),
                (f"p-{product}", f"Product {product}"),
                ("Books", "Home", "Toys")[product % 3],
                chance.choice(("North", "South")),
                chance.choice(("web", "web", "mobile")),
            )
        )
    return orders


PRODUCTS = [
    {
        "product_id": f"p-{number}",
        "product_name": f"Product {number}",
        "category": ("Books", "Home", "Toys")[number % 3],
        "price": 4.99 + 7.5 * number,
        "stock": 10 * number + 15,
        "stocked_at": "2026-06-20T00:00:00.000Z",
        "reorder_level": 20,
        "lead_days": 5 + number,
    }
    for number in range(6)
]


# What Firehose would have written below errors/, by the object's key: of one the suffix says that it is compressed.
FAILED = {
    "processing-failed/2026/06/28/one.gz": [("Lambda.FunctionError", 1_782_600_000_000 + 61_000 * n) for n in range(7)],
    "processing-failed/2026/06/29/two": [
        ("Lambda.FunctionError", 1_782_690_000_123),
        ("Lambda.ProcessingFailedStatus", 1_782_690_000_456),
    ],
}


def lay(aws: Aws, orders: Iterable[Order], products: Sequence[dict[str, Any]] = ()) -> None:
    """Put orders into the hour of now, as Firehose would, what failed, and the catalogue; then it can be crawled."""
    s3, names, now = aws.client("s3"), aws.names, datetime.now(UTC)
    lines = [json.dumps(_record(number, order)) for number, order in enumerate(orders)]
    lines += lines[:3]  # delivered twice
    packed = gzip.compress(("\n".join(lines) + "\n").encode())
    key = f"{names.events_prefix}dt={now:%Y-%m-%d}/hour={now:%H}/{names.delivery}-1-2026-06-30-00-00-30-one.gz"
    s3.put_object(Bucket=names.bucket, Key=key, Body=packed)
    for name, failures in FAILED.items():
        told = [{"attemptsMade": 4, "arrivalTimestamp": at, "errorCode": code} for code, at in failures]
        body = "".join(json.dumps(each) + "\n" for each in told).encode()
        body = gzip.compress(body) if name.endswith(".gz") else body
        s3.put_object(Bucket=names.bucket, Key=f"{names.errors_prefix}{name}", Body=body)
    if products:
        text = "".join(json.dumps(product) + "\n" for product in products)
        s3.put_object(Bucket=names.bucket, Key=f"{names.products_prefix}products.json", Body=text.encode())


def _record(number: int, order: Order) -> dict[str, Any]:
    record: dict[str, Any] = {
        "orderid": order.orderid,
        "customer_id": order.customer,
        "quantity": order.quantity,
        "amount": float(order.amount),
        "created_at": f"{order.created:%Y-%m-%dT%H:%M:%S}.000Z",
    }
    if order.status:
        record |= {
            "status": order.status,
            "product_id": order.product[0],
            "product_name": order.product[1],
            "category": order.category,
            "region": order.region,
            "channel": order.channel,
        }
    event, arrived, transformed = _times(number)
    times = {"arrived_at": arrived, "transformed_at": transformed} if number % 10 else {}  # some are older than these
    return record | {
        "event_id": f"e-{order.orderid}",
        "event_type": "INSERT",
        "event_time": f"{event:%Y-%m-%dT%H:%M:%S}.000Z",
        "sequence_number": f"{number:040d}",
        **{name: f"{time.isoformat(timespec='milliseconds')}Z" for name, time in times.items()},
    }


def _times(number: int) -> tuple[datetime, datetime, datetime]:
    """When an event happened, came to Kinesis, and was transformed."""
    event = datetime(2026, 6, 30, 0, 0, number % 60)
    arrived = event + timedelta(milliseconds=100 * (number % 20))
    return event, arrived, arrived + timedelta(milliseconds=250 + 50 * (number % 10))


def latencies(orders: int, buffer: int) -> list[Row]:
    """What delivery-latency should answer for the object of so many orders."""
    times = [_times(number) for number in (*range(orders), 0, 1, 2) if number % 10]
    written = max(transformed for _, _, transformed in times)
    latest = max(written, min(transformed for _, _, transformed in times) + timedelta(seconds=buffer))
    stages = {
        "table to Kinesis": [arrived - event for event, arrived, _ in times],
        "Kinesis to transform": [transformed - arrived for _, arrived, transformed in times],
        "transform to S3": [written - transformed for _, _, transformed in times],
        "table to S3, at least": [written - event for event, _, _ in times],
        "table to S3, at most": [latest - event for event, _, _ in times],
    }
    return [
        (stage, *(_quantile(each, share) for share in (50, 95, 99, 100)), len(each)) for stage, each in stages.items()
    ]


def _quantile(delays: list[timedelta], percent: int) -> float:
    return sorted(delays)[-(-percent * len(delays) // 100) - 1].total_seconds()


class Figures:
    """What each insight should answer for ``orders``, by its name, with the defaults of its parameters."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self.orders = orders
        self.until = max(order.created for order in orders)

    def sold(self, days: int, before: int = 0) -> list[Order]:
        """What was sold in the last days, or in as many ``before`` them."""
        end = self.until - timedelta(days=days * before)
        return [order for order in self.orders if order.sold and end - timedelta(days=days) < order.created <= end]

    def placed(self, days: int, before: int = 0) -> list[Order]:
        end = self.until - timedelta(days=days * before)
        return [order for order in self.orders if end - timedelta(days=days) < order.created <= end]

    def sales_summary(self) -> list[Row]:
        def figures(before: int) -> list[Any]:
            sold, placed = self.sold(30, before), self.placed(30, before)
            revenue = sum((order.amount for order in sold), Decimal(0))
            told = [len(sold), revenue, revenue / len(sold), sum(order.quantity for order in sold)]
            gone = Counter(order.status for order in placed)
            return [*told, 100 * gone["cancelled"] / len(placed), 100 * gone["returned"] / len(placed)]

        names = ("orders", "revenue", "average order", "units", "cancelled, % of placed", "returned, % of placed")
        return _changes(names, figures(0), figures(1))

    def revenue_over_time(self) -> list[Row]:
        return self._by_time(self.sold(90), lambda each: f"{each.created:%Y-%m-%d} 00:00:00.000")

    def _by_time(self, sold: Sequence[Order], label: Callable[[Order], str]) -> list[Row]:
        sums = _sums(sold, label)
        return [(time, *sums[time]) for time in sorted(sums)]

    def top_products(self) -> list[Row]:
        sold = self.sold(30)
        units = Counter[str]()
        for order in sold:
            units[order.product[0]] += order.quantity
        names = dict(order.product for order in sold)
        sums = _sums(sold, lambda order: order.product[0])
        best = sorted(sums, key=lambda each: (-sums[each][0], each))[:10]
        return [(names[each], sums[each][0], units[each], sums[each][1], each) for each in best]

    def _shares(self, label: Callable[[Order], str]) -> list[Row]:
        now, before = _sums(self.sold(30), label), _sums(self.sold(30, 1), label)
        total = float(sum(revenue for revenue, _ in now.values()))
        rows = []
        for each in sorted(now, key=lambda each: (-now[each][0], each)):
            revenue, orders = now[each]
            rows.append(
                (
                    *(each, revenue, 100 * float(revenue) / total, orders, before[each][0]),
                    100 * (float(revenue) / float(before[each][0]) - 1),
                )
            )
        return rows

    def sales_by_category(self) -> list[Row]:
        return self._shares(lambda order: order.category)

    def sales_by_region(self) -> list[Row]:
        return self._shares(lambda order: order.region)

    def sales_by_channel(self) -> list[Row]:
        return self._shares(lambda order: order.channel)

    def best_hour(self) -> list[Row]:
        sums = _sums(self.sold(30), lambda order: f"{order.created:%H} h")
        return [(hour, *sums[hour], sums[hour][0] / sums[hour][1]) for hour in sorted(sums)]

    def price_volume(self) -> list[Row]:
        bands: dict[int, list[Order]] = defaultdict(list)
        for order in self.sold(30):
            if order.quantity:
                price = (order.amount / order.quantity).quantize(CENT, ROUND_HALF_UP)
                bands[int(price) // 10 * 10].append(order)
        return [
            (band, sum(o.quantity for o in those), sum(o.amount for o in those), len(those))
            for band, those in sorted(bands.items())
        ]

    def new_and_returning(self) -> list[Row]:
        first: dict[str, datetime] = {}
        for order in sorted((o for o in self.orders if o.sold), key=lambda o: o.created):
            first.setdefault(order.customer, order.created)
        lately = self.sold(365)
        span = max(o.created for o in lately) - min(o.created for o in lately)
        unit = "%Y-%m-%d" if span.days < 120 else "%Y-%m-01"
        fresh, known = defaultdict(set), defaultdict(set)
        for order in lately:
            time = order.created.strftime(unit)
            (fresh if first[order.customer].strftime(unit) == time else known)[time].add(order.customer)
        return [(f"{time} 00:00:00.000", len(fresh[time]), len(known[time])) for time in sorted({*fresh, *known})]

    def repeat_rate(self) -> list[Row]:
        def figures(before: int) -> list[Any]:
            counts = Counter(order.customer for order in self.sold(90, before))
            several = sum(count > 1 for count in counts.values())
            return [len(counts), several, 100 * several / len(counts), sum(counts.values()) / len(counts)]

        names = ("customers", "customers with several orders", "repeat rate, %", "orders a customer")
        return _changes(names, figures(0), figures(1))

    def time_between_orders(self) -> list[Row]:
        names = ("under a day", "1 to 6 days", "7 to 29 days", "30 to 89 days", "90 to 179 days", "180 days and more")
        counts, last = Counter[str](), dict[str, datetime]()
        for order in sorted((o for o in self.orders if o.sold), key=lambda o: o.created):
            before = last.get(order.customer)
            last[order.customer] = order.created
            if before is not None and order.created > self.until - timedelta(days=365):
                days = (order.created - before).days
                counts[names[sum(days >= edge for edge in (1, 7, 30, 90, 180))]] += 1
        return [(name, counts[name], 100 * counts[name] / counts.total()) for name in names if counts[name]]

    def rfm_segments(self) -> list[Row]:
        of: dict[str, list[Order]] = defaultdict(list)
        for order in self.sold(36500):
            of[order.customer].append(order)
        last = {customer: max(o.created for o in those) for customer, those in of.items()}
        money = {customer: sum((o.amount for o in those), Decimal(0)) for customer, those in of.items()}
        recency = _fifths(of, lambda each: last[each])
        frequency = _fifths(of, lambda each: len(of[each]))
        worth = _fifths(of, lambda each: money[each])
        segments: dict[str, list[str]] = defaultdict(list)
        for each in of:
            segments[_segment(recency[each], frequency[each])].append(each)
        rows = []
        for segment, members in segments.items():
            ages = [(self.until - last[each]).days for each in members]
            rows.append(
                (
                    *(segment, len(members), sum(money[each] for each in members)),
                    *(sum(len(of[each]) for each in members), sum(worth[each] for each in members) / len(members)),
                    sum(ages) / len(members),
                )
            )
        return sorted(rows, key=lambda row: (-row[2], row[0]))

    def top_customers(self) -> list[Row]:
        sold = self.sold(365)
        sums = _sums(sold, lambda order: order.customer)
        rows = []
        for each in sorted(sums, key=lambda each: (-sums[each][0], each))[:10]:
            times = [order.created for order in sold if order.customer == each]
            ends = [f"{time:%Y-%m-%d %H:%M:%S}.000" for time in (min(times), max(times))]
            rows.append((each, *sums[each], sums[each][0] / sums[each][1], *ends))
        return rows

    def basket_size(self) -> list[Row]:
        def label(order: Order) -> str:
            if order.quantity <= 5:
                return str(order.quantity)
            return "6 to 10" if order.quantity <= 10 else "11 and more"

        sums, total = _sums(self.sold(90), label), len(self.sold(90))
        order = [*(str(number) for number in range(6)), "6 to 10", "11 and more"]
        return [(each, sums[each][1], 100 * sums[each][1] / total, sums[each][0]) for each in order if each in sums]

    def cohort_retention(self) -> list[Row]:
        months: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for order in self.orders:
            if order.sold:
                months[order.customer].add((order.created.year, order.created.month))
        cells, sizes = Counter[tuple[str, int]](), Counter[str]()
        for active in months.values():
            begun = min(active)
            cohort = f"{begun[0]}-{begun[1]:02d}"
            sizes[cohort] += 1
            for year, month in active:
                cells[cohort, 12 * (year - begun[0]) + month - begun[1]] += 1
        return [
            (cohort, later, 100 * count / sizes[cohort], count)
            for (cohort, later), count in sorted(cells.items())
            if later < 12
        ]


def _sums(orders: Iterable[Order], label: Callable[[Order], str]) -> dict[str, tuple[Decimal, int]]:
    """Revenue and number of orders."""
    found: dict[str, tuple[Decimal, int]] = {}
    for order in orders:
        revenue, count = found.get(label(order), (Decimal(0), 0))
        found[label(order)] = (revenue + order.amount, count + 1)
    return found


def _changes(names: Sequence[str], now: Sequence[Any], before: Sequence[Any]) -> list[Row]:
    rows = []
    for name, *values in zip(names, now, before, strict=True):
        this, that = (Decimal(each).quantize(CENT, ROUND_HALF_UP) for each in values)
        rows.append((name, this, that, 100 * (float(this) / float(that) - 1) if that else None))
    return rows


def _fifths(customers: Iterable[str], by: Callable[[str], Any]) -> dict[str, int]:
    """SQL's ntile(5): the first groups have one more where they cannot be equal."""
    ordered = sorted(customers, key=lambda each: (by(each), each))
    least, more = divmod(len(ordered), 5)
    sizes = [least + (number < more) for number in range(5)]
    scores = [score for score, size in enumerate(sizes, 1) for _ in range(size)]
    return dict(zip(ordered, scores, strict=True))


def _segment(recency: int, frequency: int) -> str:
    if recency >= 4 and frequency >= 4:
        return "champions"
    if recency >= 3 and frequency >= 3:
        return "loyal"
    if recency >= 4:
        return "promising"
    if recency == 3:
        return "need attention"
    return "at risk" if frequency >= 3 else "lost"
