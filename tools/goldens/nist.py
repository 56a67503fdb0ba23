"""Writes test/golden/nist.json from NIST's Statistical Reference Datasets for nonlinear regression (public domain,
https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml): starts, certified parameters and residual sums of squares, data.

    python tools/goldens/nist.py FOLDER

FOLDER has the .dat files.
"""

import json
import pathlib
import re
import sys

NAMES = """Misra1a Misra1b Misra1c Misra1d Chwirut2 DanWood Rat42 Rat43 MGH09 MGH10 MGH17 Thurber Eckerle4 BoxBOD Bennett5 Kirby2 Lanczos1
Lanczos3 Roszman1 Hahn1 ENSO Nelson""".split()
NUMBER = r"[-+]?\d*\.?\d+(?:[Ee][-+]?\d+)?"


def read(text):
    lines = text.splitlines()
    parameters = [re.findall(NUMBER, line.split("=", 1)[1]) for line in lines if re.match(r"\s*b\d+\s*=", line) and len(re.findall(NUMBER, line.split("=", 1)[1])) == 4]
    total = next(line for line in lines if line.startswith("Residual Sum of Squares"))
    first = next(i for i, line in enumerate(lines) if re.match(r"Data:\s+y", line))
    data = [[float(v) for v in line.split()] for line in lines[first + 1 :] if line.strip()]
    columns = list(zip(*parameters))
    return {
        "starts": [[float(v) for v in columns[k]] for k in (0, 1)],
        "certified": [float(v) for v in columns[2]],
        "sumOfSquares": float(re.findall(NUMBER, total)[-1]),
        "data": [list(column) for column in zip(*data)],
    }


def main(folder):
    sets = {name: read((pathlib.Path(folder) / f"{name}.dat").read_text()) for name in NAMES}
    out = pathlib.Path(__file__).parents[2] / "test/golden/nist.json"
    lines = [f"{json.dumps(name)}: {json.dumps(s, separators=(',', ':'))}" for name, s in sets.items()]
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(sys.argv[1])
