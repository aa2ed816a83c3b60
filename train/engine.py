"""The training loop, for all three tasks: AdamW, cosine with floor, moving average, bf16, resumable at any step.

What a step draws at random depends only on the seed and the step's number, so a run that was killed and resumed
takes the same steps as one that was not.
"""

import copy
import math
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, replace

import numpy as np
import torch
from tqdm import tqdm

from core.errors import BadDataset
from core.models import network_input
from core.weights import save_weights
from train.batches import batches
from train.depthwise import quicken
from train.freezing import set_frozen
from train.judging import BATCH, held_rows, sampled_rows
from train.ranks import ALONE
from train.sampling import Plan
from train.sharpness import climbed
from train.teaching import shown


def fit(task, films, settings, run, device, *, ranks=ALONE, track=lambda row: None, checkpoint_seconds=180):
    """Train `task`'s network on `films` as `settings` say; the averaged weights and metrics go to the folder `run`.

    A task has `card`, `start()`, `bare(network)`, `training_rows(films)`, `loss(outputs, boxes, rows)` and
    `judge(network, films, rows)`. `track` is called with the figures of each epoch.
    """
    torch.manual_seed(settings.seed)  # of the weights that start at random
    network = ranks.prepared(task.start(), device).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    plan = planned(task, films, settings)
    thaw = round(settings.freeze * plan.steps_per_epoch)  # the step from which the backbone is trained too
    optimizer = torch.optim.AdamW(_parameter_groups(network, settings.weight_decay), lr=settings.lr)
    quicken(network)
    first, running = _resume(run, network, average, optimizer)
    metrics = run.read_metrics()[: first // plan.steps_per_epoch]
    saved = time.monotonic()
    bar = tqdm(total=plan.steps, initial=first, desc=run.path.name, unit="step", disable=not ranks.leads)
    share = ranks.share(settings.batch)
    for step, batch in enumerate(batches(films, plan, settings, first, share), start=first):
        if step in (first, thaw):
            trained = ranks.joined(ready(task, network, frozen=step < thaw))
        lr = learning_rate(step, plan.steps, settings)
        loss = train_step(task, trained, batch, optimizer, lr, step, settings, device)
        _follow(average, network, min(settings.ema, (1 + step) / (10 + step)))
        running.append(ranks.mean(loss))
        bar.update()
        bar.set_postfix(loss=f"{np.mean(running[-50:]):.3f}", lr=f"{lr:.1e}")
        epoch, left = divmod(step + 1, plan.steps_per_epoch)
        if left == 0:
            if ranks.leads:
                metrics.append({"epoch": epoch, "lr": lr, "train_loss": float(np.mean(running)),
                                **judged(task, average, films, settings, device)})
                _report(task, average, settings, metrics, run, bar)
                track(metrics[-1])
            running = []
        if ranks.leads and (left == 0 or time.monotonic() - saved > checkpoint_seconds):
            run.save_checkpoint(_state(step + 1, running, network, average, optimizer))
            saved = time.monotonic()
    bar.close()


def planned(task, films, settings):
    """The `Plan` of a run of `task`. Raises `BadDataset` when there is no film to train on."""
    rows = task.training_rows(films)
    if len(rows) == 0:
        raise BadDataset(f"{films.dataset} has no film that can be trained on, but at least one is needed outside the "
                         "held fold: name another data set, or fewer folds.")
    return Plan.of(films, rows, settings)


def ready(task, network, *, frozen):
    """`network` in training mode, its backbone `frozen` or not."""
    network.train()
    set_frozen(task.bare(network), frozen)
    return network


def train_step(task, network, batch, optimizer, lr, step, settings, device):
    """One step of the optimizer; the loss before it, a scalar tensor. Dropout and the like draw from the step alone."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    loss = _gradients(task, network, batch, optimizer, step, settings, device)
    if settings.sam:
        with climbed(network, settings.sam):
            _gradients(task, network, batch, optimizer, step, settings, device)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimizer.step()
    return loss


def _gradients(task, network, batch, optimizer, step, settings, device):
    """Leave the gradients of the loss of `batch` on `network`; returns the loss, detached."""
    torch.manual_seed(settings.seed * 1_000_003 + step)
    optimizer.zero_grad(set_to_none=True)
    with autocast(device, settings.precision):
        outputs = network(network_input(batch.pictures, task.card, device))
        guidance = task.guidance(outputs, batch, device)
    loss = sum(weight * task.loss(outputs, [torch.from_numpy(each).to(device) for each in boxes], rows)
               for weight, boxes, rows in batch.targets)
    if guidance is not None:
        loss = loss + guidance
    loss.backward()
    return loss.detach()


def autocast(device, precision):
    """bf16 where it is asked for and measured to help; plain float32 elsewhere."""
    helps = precision == "bf16" and device.type in ("cuda", "cpu")
    return torch.autocast(device.type, torch.bfloat16) if helps else nullcontext()


def judged(task, average, films, settings, device):
    """What the averaged weights do: loss and APs on the held fold, and the APs, as train_..., on films trained on."""
    held, trained = held_rows(films, settings.fold), sampled_rows(films, settings.fold, settings.seed)
    bare = task.bare(average)
    return {"loss": _mean_loss(task, average, films, held, settings, device), **task.judge(bare, films, held),
            **{f"train_{name}": value for name, value in task.judge(bare, films, trained).items()}}


@torch.no_grad()
def _mean_loss(task, network, films, rows, settings, device):
    """Loss per film of `rows`, unchanged films and the network as it predicts; NaN when there are none."""
    losses = []
    for start in range(0, len(rows), BATCH):
        some = rows[start:start + BATCH]
        with autocast(device, settings.precision):
            outputs = network(network_input(shown(films, some, settings.paint), task.card, device))
        boxes = [torch.from_numpy(films.boxes_of(row)).to(device) for row in some]
        losses += [task.loss(outputs, boxes, some).item()] * len(some)
    return float(np.mean(losses)) if losses else float("nan")


def _report(task, average, settings, metrics, run, bar):
    """Metrics, log and the averaged weights of the epoch that just ended."""
    run.write_metrics(metrics)
    run.log(str(metrics[-1]))
    bar.write(str(metrics[-1]), file=sys.stderr)
    card = replace(task.card, training=asdict(settings), metric=metrics[-1])
    save_weights(run.weights, task.bare(average).state_dict(), card)


def learning_rate(step, total, settings):
    """Learning rate of `step` (from 0) of `total`: linear warm-up, then a cosine down to the floor."""
    warmup = settings.warmup * total
    if step < warmup:
        return settings.lr * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, total - warmup)
    return settings.lr * (settings.lr_floor + (1 - settings.lr_floor) * 0.5 * (1 + math.cos(math.pi * done)))


def _parameter_groups(network, weight_decay):
    """Weight decay for matrices and kernels, none for norms and biases."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


@torch.no_grad()
def _follow(average, network, decay):
    """Move the averaged weights towards the network's; counters are copied."""
    for ours, theirs in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if ours.is_floating_point():
            ours.lerp_(theirs, 1 - decay)
        else:
            ours.copy_(theirs)


def _state(step, running, network, average, optimizer):
    return {"step": step, "running": list(running), "network": network.state_dict(), "average": average.state_dict(),
            "optimizer": optimizer.state_dict()}


def _resume(run, network, average, optimizer):
    """The step to go on with and the losses of the epoch so far; 0 and none for a new run."""
    state = run.load_checkpoint()
    if state is None:
        return 0, []
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["running"]
