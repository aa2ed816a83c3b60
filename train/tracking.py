"""Metrics told to Weights & Biases while a run goes on, when the user asks for it.

The id of the W&B run is kept in the run's folder, so that a resumed run goes on in the same one.
"""

from contextlib import contextmanager

from core.errors import BadSettings

TRACKERS = ("wandb",)


@contextmanager
def tracking(name, run, settings):
    """A callable that takes one dict of figures per epoch; with `name` None it does nothing.

    `settings` is the dict shown beside the curves. Raises `BadSettings` for an unknown name, and when the package is
    not installed. `WANDB_MODE=offline` keeps everything in the run's folder, for `wandb sync`.
    """
    if name is None:
        yield lambda row: None
        return
    wandb = _wandb(name)
    run_at_wandb = wandb.init(project="groundglass", name=run.path.name, id=run.tracking_id(), resume="allow",
                              dir=run.path, config=settings)
    try:
        yield lambda row: run_at_wandb.log(row, step=row["epoch"])
    except BaseException:
        run_at_wandb.finish(exit_code=1)
        raise
    run_at_wandb.finish()


def _wandb(name):
    if name not in TRACKERS:
        raise BadSettings(f"track is {name!r}, but must be one of {', '.join(TRACKERS)}: choose one.")
    try:
        import wandb
    except ImportError:
        raise BadSettings("track is 'wandb', but the package wandb is not installed: pip install 'groundglass[track]', "
                          "or leave --track away.") from None
    return wandb
