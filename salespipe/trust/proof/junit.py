"""The report as JUnit XML, which every CI shows: a test case for each hop, and one for each kind of fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as Xml

from salespipe.trust.proof.findings import Kind, Stage

if TYPE_CHECKING:
    from salespipe.trust.verify import Report

# XML 1.0 has no other characters.
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: Report) -> bytes:
    """The XML, UTF-8."""
    suite = Xml.Element("testsuite", name=f"salespipe verify {report.pipeline}", timestamp=report.at.isoformat())
    for hop in report.hops:
        case = Xml.SubElement(suite, "testcase", classname="salespipe.read", name=hop.name, time=f"{hop.seconds:.3f}")
        if hop.problem:
            Xml.SubElement(case, "skipped", message=_fit(hop.problem))
    for stage in Stage:
        for kind in Kind:
            found = [each for each in report.findings.listed if (each.stage, each.kind) == (stage, kind)]
            case = Xml.SubElement(suite, "testcase", classname=f"salespipe.{stage}", name=f"nothing {kind}")
            told = "\n".join(f"{each.order or '(no order)'}: {each.detail}" for each in found)
            if any(each.fault for each in found):
                count = report.findings.counts[kind, stage]
                failure = Xml.SubElement(case, "failure", type=kind.value, message=f"{count} {kind} at the {stage}")
                failure.text = _fit(told)
            elif found:
                Xml.SubElement(case, "system-out").text = _fit(told)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("errors", "0")
    suite.set("time", f"{sum(hop.seconds for hop in report.hops) + report.seconds:.3f}")
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    encoded: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


def _fit(text: str) -> str:
    return _UNFIT.sub("?", text)
