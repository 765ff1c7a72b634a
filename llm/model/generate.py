"""Text after text: prompts in, new token ids out, one token at a time for a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llm.model.cache import KeyValueCache
from llm.model.gpt import GPTModel
from llm.model.sampling import GREEDY, Sampling, choose


@torch.inference_mode()
def generate(
    model: GPTModel,
    prompts: Sequence[Sequence[int]],
    *,
    maximum_new_tokens: int,
    end_of_text: int | None,
    sampling: Sampling = GREEDY,
    seeds: Sequence[int] | None = None,
    on_token: Callable[[int, int, float], bool] | None = None,
    use_cache: bool = True,
) -> list[list[int]]:
    """Continue each prompt until it ends itself or has `maximum_new_tokens` more.

    prompts: at least one token each; lengths may differ. end_of_text: the id that ends a text,
    not returned; None never ends one. seeds: one per prompt, where sampling draws: a text depends
    on its own seed alone, not on its neighbours in the batch. on_token: hears of every new token
    as it comes (number of the prompt, id, log-probability before any rule of sampling), the end
    included; True ends that text.

    The model sees the last context_length tokens of a text. The cache changes the time, not the
    result. Past the window it cannot help: every token has moved to another position, so such
    texts are read anew for each token. Under autocast the cache takes autocast's number type.

    Returns the new ids of each prompt, without the prompt.
    """
    if not all(prompts):
        raise ValueError("a prompt has no token; begin it with end_of_text")
    if sampling.temperature > 0 and (seeds is None or len(seeds) != len(prompts)):
        raise ValueError("drawing tokens needs one seed per prompt")
    # On the CPU whatever the model's device: the same seed draws the same everywhere.
    generators = [torch.Generator().manual_seed(seed) for seed in seeds or ()]
    texts = [list(prompt) for prompt in prompts]
    unfinished = list(range(len(texts)))
    longest = max((len(text) for text in texts), default=0) + maximum_new_tokens
    reader = _CachedReader(model, slots=min(longest, model.config.context_length))
    was_training = model.training
    model.eval()
    try:
        for _ in range(maximum_new_tokens):
            if not unfinished:
                break
            if use_cache:
                hidden = reader.read(texts, unfinished)  # (R, C)
            else:
                hidden = _read_whole(model, [texts[row] for row in unfinished])  # (R, C)
            logits = model.head(hidden)  # (R, V)
            draws = torch.zeros(len(unfinished))
            if sampling.temperature > 0:
                draws = torch.cat([torch.rand(1, generator=generators[row]) for row in unfinished])
            chosen = choose(
                logits, sampling, texts=[texts[row] for row in unfinished], draws=draws
            )  # (R,)
            stopped = _tell(on_token, unfinished, logits, chosen)
            going_on = []
            for row, token_id in zip(unfinished, chosen.tolist(), strict=True):
                if token_id == end_of_text:
                    continue
                texts[row].append(token_id)
                if row not in stopped:
                    going_on.append(row)
            unfinished = going_on
    finally:
        model.train(was_training)
    return [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]


def _tell(
    on_token: Callable[[int, int, float], bool] | None,
    rows: list[int],
    logits: Tensor,
    chosen: Tensor,
) -> set[int]:
    """Tell the listener of each row's token; the rows it wants to end."""
    if on_token is None:
        return set()
    log_probabilities = logits.float().log_softmax(dim=-1)  # (R, V)
    of_chosen = log_probabilities.gather(1, chosen[:, None])[:, 0].tolist()  # (R,)
    return {
        row
        for row, token_id, value in zip(rows, chosen.tolist(), of_chosen, strict=True)
        if on_token(row, token_id, value)
    }


class _CachedReader:
    """Reads each token once, as long as its text fits the window."""

    def __init__(self, model: GPTModel, *, slots: int) -> None:
        self.model = model
        self.slots = slots
        self.rows: list[int] = []  # the text that each row of the cache belongs to
        self.cache: KeyValueCache

    def read(self, texts: list[list[int]], unfinished: list[int]) -> Tensor:
        """The hidden state at the end of each unfinished text, (R, C)."""
        window = self.model.config.context_length
        inside = [row for row in unfinished if len(texts[row]) <= window]
        outside = [row for row in unfinished if len(texts[row]) > window]
        found: dict[int, Tensor] = {}  # text -> (C,)
        if inside:
            hidden = self._go_on(texts, inside) if self.rows else self._begin(texts, inside)
            if self.rows == inside == unfinished:
                return hidden
            found.update(zip(self.rows, hidden, strict=True))
        if outside:
            hidden = _read_whole(self.model, [texts[row] for row in outside])
            found.update(zip(outside, hidden, strict=True))
        return torch.stack([found[row] for row in unfinished])

    def _begin(self, texts: list[list[int]], inside: list[int]) -> Tensor:
        device = self.model.token_embedding.weight.device
        dtype = self.model.token_embedding.weight.dtype
        if torch.is_autocast_enabled(device.type):
            dtype = torch.get_autocast_dtype(device.type)
        self.rows = inside
        self.cache = KeyValueCache.empty(
            self.model.config, batch_size=len(inside), slots=self.slots, device=device, dtype=dtype
        )
        return _read_whole(self.model, [texts[row] for row in inside], cache=self.cache)

    def _go_on(self, texts: list[list[int]], inside: list[int]) -> Tensor:
        """Read the last token of every row of the cache, finished ones too: see below."""
        device = self.cache.keys.device
        if 2 * len(inside) <= len(self.rows):
            # Leaving finished rows out copies the cache: worth it only when half are finished.
            kept = torch.tensor([self.rows.index(row) for row in inside], device=device)
            self.cache = self.cache.select(kept)
            self.rows = inside
        last = [min(len(texts[row]), self.slots) - 1 for row in self.rows]
        token_ids = torch.tensor([[texts[row][-1]] for row in self.rows], device=device)
        hidden = self.model.hidden(
            token_ids,  # (B, 1)
            positions=torch.tensor(last, device=device)[:, None],  # (B, 1)
            cache=self.cache.first(max(last) + 1),
        )  # (B, 1, C)
        return hidden[:, 0]  # (B, C)


def _read_whole(
    model: GPTModel, texts: list[list[int]], *, cache: KeyValueCache | None = None
) -> Tensor:
    """The hidden state at the end of each text, (R, C), from its last context_length tokens."""
    windows = [text[-model.config.context_length :] for text in texts]
    lengths = torch.tensor([len(window) for window in windows])  # (R,)
    padded = torch.zeros(len(windows), int(lengths.max()), dtype=torch.long)  # (R, T)
    for row, window in enumerate(windows):
        padded[row, : len(window)] = torch.tensor(window)
    device = model.token_embedding.weight.device
    hidden = model.hidden(padded.to(device), cache=cache)  # (R, T, C)
    last: Tensor = hidden[torch.arange(len(windows)), lengths - 1]  # (R, C)
    return last
