"""The training loop, for all three tasks: AdamW, cosine with floor, moving average, bf16, resumable at any step.

What a step draws at random depends only on the seed and the step's number, so a run that was killed and resumed
takes the same steps as one that was not.
"""

import copy
import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, replace

import numpy as np
import torch
from tqdm import tqdm

from core.models import network_input
from core.weights import save_weights
from train.augmentation import augment, strength
from train.depthwise import quicken

CHECKPOINT_SECONDS = 180


def fit(task, films, settings, run, device):
    """Train `task`'s network on `films` as `settings` say; the averaged weights and metrics go to the folder `run`.

    A task has `card`, `start()`, `bare(network)`, `training_rows(films)`, `loss(outputs, boxes, rows)` and
    `judge(network, films)`.
    """
    network = task.start().to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    rows = task.training_rows(films)
    steps_per_epoch = math.ceil(len(rows) / settings.batch)
    total = steps_per_epoch * settings.epochs
    optimizer = torch.optim.AdamW(_parameter_groups(network, settings.weight_decay), lr=settings.lr)
    quicken(network)
    step, running = _resume(run, network, average, optimizer)
    metrics = run.read_metrics()[: step // steps_per_epoch]
    saved = time.monotonic()
    bar = tqdm(total=total, initial=step, desc=run.path.name, unit="step")
    for batch in _batches(films, rows, settings, step, total):
        lr = learning_rate(step, total, settings)
        loss = _train_step(task, network, batch, optimizer, lr, (settings.seed, step), device)
        _follow(average, network, min(settings.ema, (1 + step) / (10 + step)))
        step += 1
        running.append(loss)
        bar.update()
        bar.set_postfix(loss=f"{np.mean(running[-50:]):.3f}", lr=f"{lr:.1e}")
        if step % steps_per_epoch == 0:
            epoch = step // steps_per_epoch
            metrics.append({"epoch": epoch, "lr": lr, "train_loss": float(np.mean(running)),
                            **task.judge(task.bare(average), films)})
            running = []
            _report(task, average, settings, metrics, run, bar)
        if step % steps_per_epoch == 0 or time.monotonic() - saved > CHECKPOINT_SECONDS:
            run.save_checkpoint(_state(step, running, network, average, optimizer))
            saved = time.monotonic()
    bar.close()


def _report(task, average, settings, metrics, run, bar):
    """Metrics, log and the averaged weights of the epoch that just ended."""
    run.write_metrics(metrics)
    run.log(str(metrics[-1]))
    bar.write(str(metrics[-1]))
    card = replace(task.card, training=asdict(settings), metric=metrics[-1])
    save_weights(run.weights, task.bare(average).state_dict(), card)


def learning_rate(step, total, settings):
    """Learning rate of `step` (from 0) of `total`: linear warm-up, then a cosine down to the floor."""
    warmup = settings.warmup * total
    if step < warmup:
        return settings.lr * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, total - warmup)
    return settings.lr * (settings.lr_floor + (1 - settings.lr_floor) * 0.5 * (1 + math.cos(math.pi * done)))


def _train_step(task, network, batch, optimizer, lr, seed, device):
    """One step; dropout and the like draw from `seed` alone."""
    rows, pictures, boxes = batch
    torch.manual_seed(seed[0] * 1_000_003 + seed[1])
    for group in optimizer.param_groups:
        group["lr"] = lr
    network.train()
    with autocast(device):
        outputs = network(network_input(pictures, task.card, device))
    loss = task.loss(outputs, [torch.from_numpy(each).to(device) for each in boxes], rows)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimizer.step()
    return loss.item()


def autocast(device):
    """bf16 where it is measured to help; plain float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16) if device.type in ("cuda", "cpu") else nullcontext()


def _batches(films, rows, settings, first, total):
    """(rows, pictures uint8 [B,S,S], boxes) of steps `first` to `total`, made one step ahead in a thread."""
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(_batch, films, rows, settings, first) if first < total else None
        for step in range(first, total):
            now, ahead = ahead, (pool.submit(_batch, films, rows, settings, step + 1) if step + 1 < total else None)
            yield now.result()


def _batch(films, rows, settings, step):
    steps_per_epoch = math.ceil(len(rows) / settings.batch)
    epoch, place = divmod(step, steps_per_epoch)
    order = np.random.default_rng([settings.seed, epoch]).permutation(rows)
    chosen = order[place * settings.batch:(place + 1) * settings.batch]
    if len(chosen) < settings.batch:  # the last batch is filled up from the start of the same order
        chosen = np.concatenate([chosen, order[:settings.batch - len(chosen)]])
    how, rng = strength(settings.augment), np.random.default_rng([settings.seed, 1, step])
    pairs = [augment(films.pictures[row], films.boxes_of(row), how, rng) for row in chosen]
    return chosen, np.stack([picture for picture, _ in pairs]), [boxes for _, boxes in pairs]


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
