from __future__ import annotations

import sys
import threading

import pytest
from tests.core.plugin_factory import BROKEN, GOOD, Kind, hook, install, kind

import augrad
from augrad.errors import (
    ArgumentTypeError,
    PluginError,
    RegistrationError,
    UnknownNameError,
    UnknownTransformError,
)
from augrad.plugins.catalogue import Catalogue, transform_fault
from augrad.plugins.loading import installed


class Shift(augrad.Transform):
    modality = "mine"

    def forward(self, x):
        return x


@pytest.fixture
def catalogue_of(tmp_path, monkeypatch):
    """Builds a catalogue of the given plugins, installed where this process finds them."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def build(*plugins: Kind) -> Catalogue:
        for plugin in plugins:
            install(tmp_path, plugin)
        names = [plugin.distribution for plugin in plugins]
        return Catalogue(lambda: [entry for entry in installed() if entry.dist.name in names])

    yield build
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_discovery_imports_no_transform(catalogue_of):
    catalogue = catalogue_of(GOOD)
    assert catalogue.names() == ["good.shift"]
    assert catalogue.sources() == {"good.shift": "augrad_good.transforms:Shift"}
    assert "augrad_good.transforms" not in sys.modules
    assert catalogue.get_transform("good.shift").name == "good.shift"
    assert "augrad_good.transforms" in sys.modules


def test_nothing_is_discovered_before_the_first_question(catalogue_of):
    catalogue = catalogue_of(GOOD)
    assert "augrad_good.plugin" not in sys.modules
    catalogue.plugin_errors()
    assert "augrad_good.plugin" in sys.modules


def test_transforms_leaves_broken_ones_out_and_records_them(catalogue_of):
    catalogue = catalogue_of(GOOD, BROKEN["not a transform"])
    assert catalogue.plugin_errors() == {}
    assert list(catalogue.transforms()) == ["good.shift"]
    (name, error), *rest = catalogue.plugin_errors().items()
    assert (name, error.plugin, rest) == ("class.thing", "class", [])


def test_modality_filters(catalogue_of):
    catalogue = catalogue_of(GOOD)
    catalogue.register(Shift)
    assert list(catalogue.transforms()) == ["good.shift", "mine.shift"]
    assert list(catalogue.transforms("mine")) == ["mine.shift"]


def test_unknown_modality(catalogue_of):
    catalogue = catalogue_of(GOOD)
    with pytest.raises(
        UnknownNameError, match=r"no transforms of modality 'god' are registered; modalities: good. Did"
    ):
        catalogue.transforms("god")
    with pytest.raises(UnknownNameError, match=r"modality 'audio' .* 'audio.\*' needs: pip install augrad-audio"):
        catalogue.transforms("audio")


def test_modality_of_a_plugin_that_was_left_out(catalogue_of):
    with pytest.raises(PluginError, match=r"no transforms of modality 'exit', because plugin 'exit' .*calls sys.exit"):
        catalogue_of(BROKEN["sys.exit"]).transforms("exit")


def test_unknown_transform(catalogue_of):
    catalogue = catalogue_of(GOOD)
    with pytest.raises(UnknownTransformError, match=r"'good.shft'. Did you mean 'good.shift'\?$"):
        catalogue.get_transform("good.shft")
    with pytest.raises(UnknownTransformError, match=r"'graph.\*' needs: pip install augrad-graph$"):
        catalogue.get_transform("graph.drop_edges")
    with pytest.raises(UnknownTransformError, match=r"'nothing.like'. The command `augrad transforms` lists them."):
        catalogue.get_transform("nothing.like")


def test_name_of_another_type(catalogue_of, unchecked):
    with pytest.raises(ArgumentTypeError, match=r"name of a transform must be a string such as .*, but got 3"):
        catalogue_of().get_transform(3)


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("augrad_odd.transforms:NoTransform", "which is not a subclass of augrad.Transform"),
        ("augrad_odd.transforms:Shift", "whose own name, made of its modality and class name, is 'good.shift'"),
        ("augrad_odd.transforms:Absent", "'augrad_odd.transforms' has no 'Absent'"),
        ("augrad_odd.absent:Shift", "points to 'augrad_odd.absent', a module that does not exist"),
    ],
)
def test_broken_transform_names_the_cause(catalogue_of, target, cause):
    catalogue = catalogue_of(
        Kind("augrad-odd", "odd", "", {**GOOD.files, "plugin.py": hook(f"{{'odd.x': {target!r}}}")})
    )
    with pytest.raises(PluginError, match=r"'odd.x' of plugin 'odd' .* is broken: it ") as caught:
        catalogue.get_transform("odd.x")
    assert cause in caught.value.cause
    assert str(catalogue.plugin_errors()["odd.x"]) == str(caught.value)


def test_broken_transform_can_be_mended(catalogue_of, tmp_path):
    catalogue = catalogue_of(kind("odd", "", hook("{'odd.x': 'broken_odd.late:X'}")))
    with pytest.raises(PluginError, match=r"a module that does not exist"):
        catalogue.get_transform("odd.x")
    source = (
        "import augrad\nclass X(augrad.Transform):\n    modality = 'odd'\n    def forward(self, x):\n        return x\n"
    )
    (tmp_path / "broken_odd" / "late.py").write_text(source)
    sys.path_importer_cache.clear()
    assert catalogue.get_transform("odd.x").name == "odd.x"
    assert catalogue.plugin_errors() == {}


def test_output_at_import_of_a_transform_is_kept(catalogue_of, capsys):
    files = {**GOOD.files, "transforms.py": f"\n    print('loud'){GOOD.files['transforms.py']}"}
    catalogue = catalogue_of(Kind("augrad-good", "good", "", files))
    catalogue.get_transform("good.shift")
    assert catalogue.printed(catalogue.plugins()["good"]) == "loud"
    assert capsys.readouterr().out == ""


def test_plugin_that_fails_takes_its_registrations_with_it(catalogue_of, monkeypatch):
    catalogue = catalogue_of(BROKEN["raises half-way"])
    monkeypatch.setattr("augrad.plugins.registry.catalogue", catalogue)
    assert catalogue.names() == []
    assert list(catalogue.plugin_errors()) == ["halfway"]


def test_plugin_may_ask_while_it_is_loaded(catalogue_of, monkeypatch):
    source = "import augrad\nseen = list(augrad.transforms())\n" + hook("{}")
    catalogue = catalogue_of(GOOD, kind("zeta", "", source))
    monkeypatch.setattr("augrad.plugins.registry.catalogue", catalogue)
    assert catalogue.plugins()["zeta"].module.seen == ["good.shift"]


def test_interrupted_loading_starts_afresh(catalogue_of):
    catalogue = catalogue_of(GOOD)
    discover, catalogue._discover = catalogue._discover, _interrupted
    with pytest.raises(KeyboardInterrupt):
        catalogue.names()
    catalogue._discover = discover
    assert catalogue.names() == ["good.shift"]


def _interrupted():
    raise KeyboardInterrupt


def test_threads_load_once(catalogue_of):
    asked = []
    catalogue = catalogue_of(GOOD)
    discover = catalogue._discover
    catalogue._discover = lambda: asked.append(1) or discover()
    threads = [threading.Thread(target=catalogue.transforms) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [1]
    assert catalogue.names() == ["good.shift"]


def test_two_plugins_may_share_a_modality(catalogue_of):
    second = Kind("other", "good", "", {"plugin.py": hook("{'good.other': 'm:Other'}")})
    catalogue = catalogue_of(second, GOOD)
    assert list(catalogue.plugins()) == ["good", "good (other)"]
    assert catalogue.names() == ["good.other", "good.shift"]


def test_registering_again_replaces_a_class_of_the_same_name(catalogue_of):
    catalogue = catalogue_of()

    def define(bound):
        class Fade(augrad.Transform):
            modality = "mine"
            offset = augrad.Range(bound)

            def forward(self, x, *, offset):
                return x

        return Fade

    catalogue.register(define(1.0))
    catalogue.register(define(2.0))
    assert catalogue.get_transform("mine.fade").ranges["offset"].high == 2.0


def test_taken_names(catalogue_of):
    catalogue = catalogue_of(GOOD)
    catalogue.register(Shift)
    twin = type("Shift", (augrad.Transform,), {"modality": "mine", "forward": Shift.forward, "__qualname__": "Other"})
    with pytest.raises(
        RegistrationError, match=r"name 'mine.shift' is taken by .*test_catalogue:Shift. Rename the class"
    ):
        catalogue.register(twin)
    foreign = type("Shift", (augrad.Transform,), {"modality": "good", "forward": Shift.forward})
    with pytest.raises(RegistrationError, match=r"'good.shift' is taken by plugin 'good' \(augrad-good 1.0\)"):
        catalogue.register(foreign)


def test_plugin_may_decorate_what_its_hook_names(catalogue_of):
    catalogue = catalogue_of(GOOD)
    found = catalogue.get_transform("good.shift")
    catalogue.register(found)
    assert catalogue.get_transform("good.shift") is found


class Loose(augrad.Transform):
    modality = "mine"


class Nowhere(augrad.Transform):
    def forward(self, x):
        return x


class Shouting(augrad.Transform):
    modality = "My Words"

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("candidate", "fault"),
    [
        (Shift(), "cannot register Shift.*which is not a subclass of augrad.Transform"),
        (dict, "which is not a subclass of augrad.Transform"),
        (Loose, "which is abstract: it does not define forward"),
        (Nowhere, "whose modality must be a word in snake_case, such as 'vision', but is None"),
        (Shouting, "but is 'My Words'"),
    ],
)
def test_what_cannot_be_registered(catalogue_of, candidate, fault, unchecked):
    assert transform_fault(candidate)
    with pytest.raises(RegistrationError, match=fault):
        catalogue_of().register(candidate)


DEMO = """
    import torch
    from augrad.demo import Demo, DemoData

    def load(seed):
        x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.long)
        return DemoData(x, y, x, y)

    def demo(name):
        return Demo(
            name=name, title="A demo", description="It shows.", load=load, trunk=lambda: torch.nn.Linear(2, 2),
            transforms=("good.shift",), oracle={"good.shift": {"offset": 1.0}},
        )

    good, other, none = demo("good"), demo("other"), None
"""
DEMO_HOOK = """
    def augrad_demos():
        return {"good": "augrad_good.demo:good", "good-b": "augrad_good.demo:other", "good-c": "augrad_good.demo:none"}
"""


def test_demos(catalogue_of):
    catalogue = catalogue_of(Kind("augrad-good", "good", "", {**GOOD.files, "plugin.py": DEMO_HOOK, "demo.py": DEMO}))
    assert list(catalogue.all_named("demos")) == ["good"]
    assert catalogue.get_named("demos", "good").title == "A demo"
    with pytest.raises(PluginError, match=r"'good-b' of .* whose own name is 'other'"):
        catalogue.get_named("demos", "good-b")
    with pytest.raises(PluginError, match=r"'good-c' of .* which is no augrad.demo.Demo"):
        catalogue.get_named("demos", "good-c")
    with pytest.raises(
        UnknownNameError, match=r"no demo named 'goood'; demos: good, good-b, good-c. Did you mean 'good'"
    ):
        catalogue.get_named("demos", "goood")


def test_demo_of_a_plugin_that_is_not_there(catalogue_of):
    with pytest.raises(
        UnknownNameError, match=r"no demo named 'audio'; demos: none. 'audio.\*' needs: pip install augrad-audio"
    ):
        catalogue_of().get_named("demos", "audio")
    with pytest.raises(PluginError, match=r"no demo named 'exit', because plugin 'exit' .*calls sys.exit"):
        catalogue_of(BROKEN["sys.exit"]).get_named("demos", "exit")


BENCH = """
    from augrad.bench import Configuration, Rule, Task
    from augrad_good.demo import load
    import torch

    fields = dict(
        title="A task", description="It tells.", load=load, trunk=lambda: torch.nn.Linear(2, 2),
        transforms=("good.shift",), oracle={"good.shift": {"offset": 1.0}},
    )
    task, other, rule = Task(name="good-a", **fields), Task(name="other", **fields), Rule("good-r", "Mine", print)
"""
BENCH_HOOKS = """
    def augrad_tasks():
        return {"good-a": "augrad_good.bench:task", "good-b": "augrad_good.bench:other"}
    def augrad_rules():
        return {"good-r": "augrad_good.bench:rule", "good-t": "augrad_good.bench:task"}
"""


def test_tasks_and_rules(catalogue_of):
    files = {**GOOD.files, "plugin.py": BENCH_HOOKS, "demo.py": DEMO, "bench.py": BENCH}
    catalogue = catalogue_of(Kind("augrad-good", "good", "", files))
    assert list(catalogue.all_named("tasks")) == ["good-a"]
    assert catalogue.get_named("rules", "good-r").label == "Mine"
    with pytest.raises(PluginError, match=r"'good-b' of .* whose own name is 'other'"):
        catalogue.get_named("tasks", "good-b")
    with pytest.raises(PluginError, match=r"'good-t' of .* which is no augrad.bench.Rule"):
        catalogue.get_named("rules", "good-t")
    with pytest.raises(UnknownNameError, match=r"no task named 'good-r'; tasks: good-a, good-b."):
        catalogue.get_named("tasks", "good-r")


PRESET_HOOKS = """
    def augrad_presets():
        return {"good-p": "augrad_good.presets:system", "good-q": "augrad_good.presets:no_function"}
"""


def test_presets(catalogue_of):
    files = {**GOOD.files, "plugin.py": PRESET_HOOKS, "presets.py": "def system(transforms): ...\nno_function = 3\n"}
    catalogue = catalogue_of(Kind("augrad-good", "good", "", files))
    assert catalogue.get_named("presets", "good-p").__name__ == "system"
    assert list(catalogue.all_named("presets")) == ["augnet", "augerino", "randaugment", "trivialaugment", "good-p"]
    with pytest.raises(PluginError, match=r"'good-q' of .* which is no function that makes an augrad.presets.Preset"):
        catalogue.get_named("presets", "good-q")
    with pytest.raises(UnknownNameError, match=r"no preset named 'good-r'; presets: augnet, .*, good-p, good-q"):
        catalogue.get_named("presets", "good-r")


def test_a_task_may_not_take_a_name_that_another_plugin_has(catalogue_of):
    hooks = """
        def augrad_tasks():
            return {"good-a": "augrad_good.bench:task"}
    """
    other = Kind("broken-second", "good", "", {"plugin.py": hooks})
    files = {**GOOD.files, "plugin.py": BENCH_HOOKS, "demo.py": DEMO, "bench.py": BENCH}
    catalogue = catalogue_of(Kind("augrad-good", "good", "", files), other)
    error = catalogue.plugin_errors()["good (broken-second)"]
    assert "claims 'good-a', which plugin 'good' (augrad-good 1.0) has already" in str(error)
