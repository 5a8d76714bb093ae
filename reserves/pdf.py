"""The reserve report on one A4 page, to be read and filed. The JSON is the report; this shows it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from reserves.states import FigureName, Source

INK, MUTED, LINE = HexColor("#16202e"), HexColor("#5b6675"), HexColor("#d5dbe3")
FINE, SHORT, PALE = HexColor("#0f6b4f"), HexColor("#a3212b"), HexColor("#f3f6f9")
MARGIN = 20 * mm

TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=20, leading=24, textColor=INK)
LEAD = ParagraphStyle("lead", fontName="Helvetica", fontSize=9.5, leading=13, textColor=MUTED)
HEAD = ParagraphStyle("head", fontName="Helvetica-Bold", fontSize=11, leading=15, textColor=INK, spaceBefore=12)
CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=8.5, leading=11, textColor=INK)
FAINT = ParagraphStyle("faint", parent=CELL, textColor=MUTED)
NUMBER = ParagraphStyle("number", parent=CELL, alignment=TA_RIGHT, fontName="Helvetica-Bold")
LABEL = ParagraphStyle("label", parent=CELL, fontSize=8, textColor=white)
RIGHT_LABEL = ParagraphStyle("right label", parent=LABEL, alignment=TA_RIGHT)
CODE = ParagraphStyle("code", fontName="Courier", fontSize=7.5, leading=10, textColor=INK, wordWrap="CJK")


def as_pdf(said: Mapping[str, Any], *, report_hash: str, attestor: str) -> bytes:
    """`said` is a report's content; `attestor` is "" while nobody has signed it."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=18 * mm,
        bottomMargin=18 * mm,
        title=f"Reserve report {said['sequence']} of {said['asset']}",
        author="Agora",
        subject=report_hash,
        invariant=1,  # the same report is the same file
    )
    document.build(
        [
            Paragraph(f"{said['asset']} reserve report", TITLE),
            Paragraph(
                f"No. {said['sequence']} · as of {_time(said['as_of'])} · block {said['block_number']:,}"
                f" of chain {said['chain_id']}, {_time(said['block_at'])}",
                LEAD,
            ),
            Spacer(1, 5 * mm),
            _verdict(said),
            Paragraph("Figures", HEAD),
            Spacer(1, 2 * mm),
            _figures(said),
            Paragraph("Liabilities", HEAD),
            Paragraph(
                "Each holder's balance is a leaf of a Merkle-sum tree whose root is below; the sums of all leaves are"
                " the total. Each holder can have a proof that their balance is in it.",
                LEAD,
            ),
            Spacer(1, 2 * mm),
            _pairs(_liabilities(said)),
            Paragraph("How to check this page", HEAD),
            Paragraph(
                "The report is the file report.json, this page shows it. Its hash and its signature stand for every"
                " figure above. verify.py in the same package checks all of it and needs nothing from us.",
                LEAD,
            ),
            Spacer(1, 2 * mm),
            _pairs(
                [
                    ("Report hash (sha256)", report_hash),
                    ("Report before it", said["previous_hash"]),
                    ("Signed by (EIP-712)", attestor or "NOT SIGNED: A DRAFT"),
                    ("Token contract", said["contract"]),
                    ("Block hash", said["block_hash"]),
                ]
            ),
        ]
    )
    return out.getvalue()


def _verdict(said: Mapping[str, Any]) -> Flowable:
    covers = bool(said["ratio"]) and _covers(said)
    text = "Every token is covered" if covers else "RESERVES DO NOT COVER THE TOKENS"
    big = ParagraphStyle("big", fontName="Helvetica-Bold", fontSize=22, leading=26, textColor=white, alignment=TA_RIGHT)
    line = ParagraphStyle("line", fontName="Helvetica-Bold", fontSize=13, leading=17, textColor=white)
    small = ParagraphStyle("small", fontName="Helvetica", fontSize=8.5, leading=12, textColor=white)
    left = [Paragraph(text, line), Paragraph("shares held for each token, by the lower of two counts", small)]
    table = Table([[left, Paragraph(said["ratio"] or "no tokens", big)]], colWidths=[110 * mm, 60 * mm])
    return _styled(table, background=FINE if covers else SHORT, pad=4 * mm)


def _covers(said: Mapping[str, Any]) -> bool:
    """By the figures, for a ratio is rounded."""
    quantity = {figure["name"]: Decimal(figure["quantity"]) for figure in said["figures"]}
    held = min(quantity[FigureName.IN_CUSTODY], quantity[FigureName.CUSTODIAN_BALANCE])
    return held >= quantity[FigureName.MINTED_ON_CHAIN]


def _figures(said: Mapping[str, Any]) -> Flowable:
    labels = [Paragraph(text, LABEL) for text in ("", "Whose word it is", "As of (UTC)")]
    rows: list[list[Flowable]] = [[labels[0], Paragraph("Quantity", RIGHT_LABEL), *labels[1:]]]
    rows += [
        [
            Paragraph(str(FigureName(figure["name"]).label), CELL),
            Paragraph(_number(figure["quantity"]), NUMBER),
            Paragraph(str(Source(figure["source"]).label), FAINT),
            Paragraph(_time(figure["as_of"]).removesuffix(" UTC"), FAINT),
        ]
        for figure in said["figures"]
    ]
    table = Table(rows, colWidths=[62 * mm, 40 * mm, 34 * mm, 34 * mm], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), INK),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, PALE]),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )
    return table


def _liabilities(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    owed = said["liabilities"]
    return [
        ("Holders", f"{owed['holders']:,}"),
        ("Owed to them", f"{owed['total_wei']} wei (10<super>-18</super> token)"),
        ("Root of the sum tree", owed["root"]),
        ("Root of the plain tree", owed["plain_root"]),
    ]


def _pairs(pairs: list[tuple[str, str]]) -> Flowable:
    rows = [[Paragraph(name, FAINT), Paragraph(value, CODE)] for name, value in pairs]
    table = Table(rows, colWidths=[42 * mm, 128 * mm])
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE), ("LEFTPADDING", (0, 0), (0, -1), 0)]))
    return table


def _styled(table: Table, *, background: Color, pad: float) -> Table:
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), background),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), pad),
                ("BOTTOMPADDING", (0, 0), (-1, -1), pad),
                ("LEFTPADDING", (0, 0), (-1, -1), pad),
                ("RIGHTPADDING", (0, 0), (-1, -1), pad),
            ]
        )
    )
    return table


def _number(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "") if whole != "-0" else text


def _time(text: str) -> str:
    return text.replace("T", " ").replace("Z", " UTC")
