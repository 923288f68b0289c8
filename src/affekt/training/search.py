"""A search for the settings of a run, within a number of minutes (optuna; Akiba et al. 2019, KDD)."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from affekt.encoders._card import write_card
from affekt.errors import InputError, MissingExtra
from affekt.training.loop import Watch
from affekt.training.recipe import Recipe, family_of
from affekt.training.train import Place, Trained

FIGURES = ("macro_f1", "pearson")  # what is searched for, by kind of label set


class Once(Protocol):
    """Trains with one recipe."""

    def __call__(self, recipe: Recipe, out: Path, *, resume: bool, overwrite: bool, watch: Watch) -> Trained:
        """The model of this recipe, in this folder."""
        ...


def searched(recipe: Recipe, out: Path, *, once: Once, resume: bool, overwrite: bool, watch: Watch) -> Trained:
    """The best model that was found in time, by its figure on rows that it has not seen; the first trial is the recipe as it is.

    Trials that are done are kept while the search goes on, so that one that was stopped goes on with `resume`.

    Raises:
        InputError: the family has nothing to search for.
        MissingExtra: optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "train") from error
    name, family = family_of(recipe)
    assert recipe.search is not None
    if not family.space:
        raise InputError(f"the family {name} has nothing to search for; leave the search out")
    place = Place(out)
    if not resume:
        shutil.rmtree(place.work, ignore_errors=True)
    place.work.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=recipe.seed),
        storage=f"sqlite:///{place.work / 'search.db'}",
        study_name="search",
        load_if_exists=True,
    )
    done = len(study.trials)
    if not done:
        study.enqueue_trial(_now(recipe, family.space, asdict(family.optimiser)))
    began = time.monotonic()

    def objective(trial: Any) -> float:
        tried = _tried(recipe, family.space, trial)
        made = once(tried, place.work / f"trial-{trial.number}", resume=True, overwrite=True, watch=replace(watch, tell=lambda _: None))
        figure = _figure(made)
        left = recipe.search.minutes - (time.monotonic() - began) / 60 if recipe.search else 0.0
        watch.tell(f"trial {trial.number + 1}: {figure:.4f} with {trial.params}; {max(left, 0):.0f} min left")
        return figure

    study.optimize(objective, n_trials=max(recipe.search.trials - done, 1), timeout=60 * recipe.search.minutes)
    return _kept(study, place, overwrite=overwrite)


def _kept(study: Any, place: Place, *, overwrite: bool) -> Trained:
    """The best trial's folder in its place, its card saying how it was found."""
    from affekt.encoders._card import read_card

    best = place.work / f"trial-{study.best_trial.number}"
    card = read_card(best)
    found = {"trials": len(study.trials), "settings": study.best_params, "figure": study.best_value}
    card = replace(card, name=place.out.name, facts={**card.facts, "search": found})
    write_card(card, best)
    if place.out.exists() and overwrite:
        shutil.rmtree(place.out)
    best.rename(place.out)
    shutil.rmtree(place.work)
    return Trained(place.out, card, card.facts["measured"])


def _figure(made: Trained) -> float:
    measured = made.measured.get("dev") or made.measured.get("folds") or {}
    for name in FIGURES:
        if (value := measured.get(name)) is not None:
            return float(sum(value.values()) / len(value)) if isinstance(value, Mapping) else float(value)
    raise InputError("a search needs dev rows to compare by; set dev above 0")


def _tried(recipe: Recipe, space: Mapping[str, Any], trial: Any) -> Recipe:
    """The recipe with what a trial draws."""
    sections: dict[str, dict[str, Any]] = {"model": dict(recipe.model), "optimiser": dict(recipe.optimiser), "loss": dict(recipe.loss)}
    for key, choice in space.items():
        section, _, setting = key.partition(".")
        if isinstance(choice, tuple):
            sections[section][setting] = trial.suggest_float(key, *choice, log=True)
        else:
            sections[section][setting] = trial.suggest_categorical(key, list(choice))
    return recipe.model_copy(update={**sections, "search": None})


def _now(recipe: Recipe, space: Mapping[str, Any], optimiser: Mapping[str, Any]) -> dict[str, Any]:
    """What of the space the recipe says itself."""
    held = {"model": recipe.model, "optimiser": {**optimiser, **recipe.optimiser}, "loss": recipe.loss}
    found = dict[str, Any]()
    for key, choice in space.items():
        section, _, setting = key.partition(".")
        value = held[section].get(setting)
        fits = value is not None and (choice[0] <= value <= choice[1] if isinstance(choice, tuple) else value in choice)
        if fits:
            found[key] = value
    return found
