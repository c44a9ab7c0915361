"""Reading a hop that AWS may not let us read."""

from __future__ import annotations

from salespipe.aws import error_message


class Telling:
    """Reads one hop; where AWS does not let us, that is told, and the others are read all the same."""

    def __init__(self, what: str, remarks: list[str]) -> None:
        self._what = what
        self._remarks = remarks

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        from botocore.exceptions import ClientError

        if not isinstance(error, ClientError):
            return False
        told = f"{self._what} could not be read: {error_message(error)}"
        if told not in self._remarks:
            self._remarks.append(told[0].upper() + told[1:])
        return True
