"""PISA (arXiv 2412.19645) by concatenation: the peer, on PyTorch's attention, and the exact form."""

import math

import torch
import torch.nn.functional as F


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def concatenate(x: torch.Tensor, heads: int, frames: int) -> torch.Tensor:
    """(B, F+R, n, H*d) -> (B*F, H, n + R*n, d)"""
    references = x[:, frames:].flatten(1, 2).unsqueeze(1).expand(-1, frames, -1, -1)
    return split_heads(torch.cat([x[:, :frames], references], dim=2), heads).flatten(0, 1)


def concatenating(q, k, v, heads: int, frames: int) -> torch.Tensor:
    batch, images, tokens, _ = q.shape
    joined = F.scaled_dot_product_attention(*(concatenate(x, heads, frames) for x in (q, k, v)))
    joined = joined.transpose(1, 2).flatten(2).unflatten(0, (batch, frames))
    references = joined[:, :, tokens:].mean(1).unflatten(1, (images - frames, tokens))
    return torch.cat([joined[:, :, :tokens], references], dim=1)


def bias_of(listens: torch.Tensor, strengths: list[float], frame: int) -> torch.Tensor:
    """What is added to a frame's scores (n + R*n, n + R*n) where each reference is of a subject with a region."""
    _, _, tokens = listens.shape
    length = (1 + len(strengths)) * tokens
    bias = torch.full((length, length), -torch.inf, dtype=torch.float64, device=listens.device)
    bias[:tokens, :tokens] = 0
    for i, strength in enumerate(strengths):
        reference = slice((1 + i) * tokens, (2 + i) * tokens)
        bias[:tokens, reference][listens[i, frame]] = math.log(strength)
        bias[reference, :tokens][:, listens[i, frame]] = 0
        bias[reference, reference] = 0
    return bias


def exact(q, k, v, grad, heads: int, frames: int, bias=lambda frame: 0) -> dict[str, torch.Tensor]:
    """The result and the gradients in fp64, frame by frame, so that scores of one frame are all that is in memory."""
    leaves = [x.double().requires_grad_() for x in (q, k, v)]
    grad = grad.double()
    out = torch.zeros_like(grad)
    tokens = q.shape[2]
    for frame in range(frames):
        qs, ks, vs = (
            split_heads(torch.cat([x[:, frame], x[:, frames:].flatten(1, 2)], dim=1), heads) for x in leaves
        )
        scores = qs @ ks.transpose(-1, -2) / qs.shape[-1] ** 0.5 + bias(frame)
        joined = (scores.softmax(-1) @ vs).transpose(1, 2).flatten(2)
        own, references = joined[:, :tokens], joined[:, tokens:].unflatten(1, (-1, tokens)) / frames
        torch.autograd.backward([own, references], [grad[:, frame], grad[:, frames:]])
        out[:, frame] = own.detach()
        out[:, frames:] += references.detach()
    return {"out": out, **{f"d{name}": leaf.grad for name, leaf in zip("qkv", leaves)}}
