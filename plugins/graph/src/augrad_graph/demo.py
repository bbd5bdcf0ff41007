"""The graph demo: real molecules, drawn at any angle. Uses drawing.py and motions.py; declared by plugin.py."""

from __future__ import annotations

import csv
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import GraphConv, global_max_pool, global_mean_pool

from augrad import batch, keyed_generator
from augrad.demo import Demo, DemoData
from augrad.errors import MissingDependencyError
from augrad_graph.backend import Batch, Data
from augrad_graph.drawing import draw_molecule
from augrad_graph.motions import PositionRotate

TRUE_ANGLE_DEG = 180.0
N_TRAIN, N_VAL, N_TEST = 300, 200, 1200
LEGIBLE = 13
"""Number of atoms of a formula that is neither trivial nor crowded."""

ELEMENTS = ("C", "N", "O", "S", "F", "Cl", "Br", "I", "P")
"""Elements with their own feature; all other elements share a feature."""

N_FEATURES = len(ELEMENTS) + 5
"""Number of features: element, other element, aromatic, hydrogens, charge, in a ring."""


def load_molecules(seed: int) -> DemoData:
    """Loads 1,700 molecules as structural formulas; the class is whether they cross from the blood into the brain.

    Atoms are nodes with positions on the page. Bonds are edges with their order as `edge_weight`. Each formula is
    rotated by its own angle. The data are B3DB (CC0), drawn by RDKit. The choice of molecules and the angles of
    validation and test formulas are the same for every seed; the angles of the 300 training formulas differ.

    Args:
        seed: seed of the training angles.

    Raises:
        MissingDependencyError: B3DB or RDKit is not installed.
    """
    molecules, crosses = read_molecules(N_TRAIN + N_VAL + N_TEST)
    parts = list(torch.split(torch.arange(len(crosses)), [N_TRAIN, N_VAL, N_TEST]))
    # The report draws the first formula, so a formula that is legible at the size of a stamp comes first.
    parts[2] = parts[2][torch.argsort((molecules.ptr.diff()[parts[2]] - LEGIBLE).abs(), stable=True)]
    train, val, test = (batch.select(molecules, part) for part in parts)
    return DemoData(
        train_x=turned(train, keyed_generator("molecules", "train", seed)),
        train_y=crosses[parts[0]],
        test_x=turned(test, keyed_generator("molecules", "test")),
        test_y=crosses[parts[2]],
        val_x=turned(val, keyed_generator("molecules", "val")),
        val_y=crosses[parts[1]],
    )


def read_molecules(n_molecules: int) -> tuple[Batch, Tensor]:
    """Reads a fixed choice of molecules with at least 4 atoms that RDKit accepts, and whether each crosses."""
    found = find_spec("B3DB")
    if found is None or not found.submodule_search_locations or find_spec("rdkit") is None:
        raise MissingDependencyError(
            "the graph demo reads its molecules from the package qc-B3DB and draws them with RDKit, and at least one "
            "of the two is not installed: pip install 'augrad-graph[demo]'",
            dependency="qc-B3DB",
        )
    # B3DB itself is not imported, because its import takes 17 s.
    table = Path(found.submodule_search_locations[0]) / "B3DB_classification.tsv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    order = torch.randperm(len(rows), generator=keyed_generator("molecules", "choice")).tolist()
    # Molecules that differ only in handedness are drawn alike. Each formula occurs once, so that none is in two parts.
    graphs: dict[str, Data] = {}
    crosses = []
    for index in order:
        flat, graph = formula(rows[index]["SMILES"])
        if graph is not None and flat not in graphs:
            graphs[flat] = graph
            crosses.append(int(rows[index]["BBB+/BBB-"] == "BBB+"))
        if len(graphs) == n_molecules:
            break
    return Batch.from_data_list(list(graphs.values())), torch.tensor(crosses)


def formula(smiles: str) -> tuple[str, Data | None]:
    """Returns the structural formula of a molecule as a graph, and as a text that is equal for equal drawings.

    The graph is None if the molecule cannot be read or has fewer than 4 atoms. Positions are relative to the centroid,
    in units of RDKit's page, on which a bond is 1.5 long.
    """
    from rdkit import Chem, RDLogger
    from rdkit.Chem.rdDepictor import Compute2DCoords

    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() < 4:
        return "", None
    Compute2DCoords(molecule)
    place = torch.tensor(molecule.GetConformer().GetPositions()[:, :2], dtype=torch.float32)
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in molecule.GetBonds()]
    ends = torch.tensor([bond[:2] for bond in bonds], dtype=torch.long).reshape(-1, 2).T
    orders = torch.tensor([bond[2] for bond in bonds], dtype=torch.float32)
    graph = Data(
        x=torch.tensor(np.array([features(atom) for atom in molecule.GetAtoms()]), dtype=torch.float32),
        pos=place - place.mean(dim=0),
        edge_index=torch.cat([ends, ends.flip(0)], dim=1),
        edge_weight=orders.repeat(2),
    )
    return Chem.MolToSmiles(molecule, isomericSmiles=False), graph


def features(atom: Any) -> list[float]:
    """Returns the `N_FEATURES` features of an atom."""
    symbol = atom.GetSymbol()
    element = [float(symbol == each) for each in ELEMENTS]
    return [
        *element,
        float(symbol not in ELEMENTS),
        float(atom.GetIsAromatic()),
        atom.GetTotalNumHs() / 2,
        float(atom.GetFormalCharge()),
        float(atom.IsInRing()),
    ]


def turned(formulas: Batch, generator: torch.Generator) -> Batch:
    """Rotates each formula once, by an angle drawn uniformly within `TRUE_ANGLE_DEG` to either side."""
    rotate = PositionRotate()
    angle = (2 * torch.rand(batch.count(formulas), generator=generator) - 1) * TRUE_ANGLE_DEG
    turned_formulas: Batch = rotate(formulas, angle=angle, noise=rotate.draw_noise(formulas, generator))
    return turned_formulas


class FormulaNetwork(nn.Module):
    """Runs three rounds of message passing over atoms and their positions, then mean and maximum over atoms.

    Args:
        n_hidden: number of features of an atom between rounds.
    """

    def __init__(self, n_hidden: int = 128) -> None:
        super().__init__()
        sizes = [N_FEATURES + 2, n_hidden, n_hidden, n_hidden]
        self.convolutions = nn.ModuleList(GraphConv(n_in, n_out) for n_in, n_out in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n_hidden) for _ in self.convolutions)
        self.head = nn.Linear(2 * n_hidden, 2)

    def forward(self, formulas: Data) -> Tensor:
        """Computes the logits of not crossing and of crossing, `(graphs, 2)`."""
        z = torch.cat([formulas.x, formulas.pos], dim=1)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            z = norm(convolution(z, formulas.edge_index, formulas.edge_weight)).relu()
        n_graphs = batch.count(formulas)
        pooled = [pool(z, formulas.batch, n_graphs) for pool in (global_mean_pool, global_max_pool)]
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits


DEMO = Demo(
    name="graph",
    title="Learning that a formula may be turned",
    description=(
        "300 molecules to learn from, as structural formulas on a page: atoms with places, joined by bonds; 1,200 more "
        "to be tested on. Does the molecule cross from the blood into the brain? Each formula is turned by an angle of "
        "its own, which says nothing about that. Stretching and skewing the page, moving atoms about, and noise on "
        "atoms and bonds are offered too."
    ),
    load=load_molecules,
    trunk=FormulaNetwork,
    transforms=(
        "graph.position_rotate",
        "graph.position_scale",
        "graph.position_shear",
        "graph.position_jitter",
        "graph.feature_noise",
        "graph.edge_weight_noise",
    ),
    oracle={"graph.position_rotate": {"angle": TRUE_ANGLE_DEG}},
    draw=partial(draw_molecule, elements=ELEMENTS),
    epochs=40,
    batch_size=32,
    lr=2e-3,
    n_layers=1,
    copies=10,
    seconds=30.0,
)
"""The task is to find rotation by any angle among six candidates."""
