"""Personalized Injection Self Attention (arXiv 2412.19645) for diffusers, in its concatenating form."""

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention


class ConcatenatingPisa:
    """Hidden states (B*(frames+1), n, C), the reference last. Frame i attends over [z_i; r]."""

    def __init__(self, frames: int):
        self.frames = frames

    def __call__(self, attn: Attention, hidden_states: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        n = hidden_states.shape[1]
        x = hidden_states.unflatten(0, (-1, self.frames + 1))
        reference = x[:, -1:].expand(-1, self.frames, -1, -1)
        joined = torch.cat([x[:, :-1], reference], dim=2).flatten(0, 1)  # (B*F, 2n, C)

        def heads(y: torch.Tensor) -> torch.Tensor:
            return y.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        q, k, v = heads(attn.to_q(joined)), heads(attn.to_k(joined)), heads(attn.to_v(joined))
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = attn.to_out[0](out).unflatten(0, (-1, self.frames))  # (B, F, 2n, C)
        reference = out[:, :, n:].mean(dim=1, keepdim=True)
        return torch.cat([out[:, :, :n], reference], dim=1).flatten(0, 1)


def add_reference(pipeline, frames: int, reference: torch.Tensor) -> None:
    """Shows the UNet one more frame: `reference` (1, 4, 1, h, w), zeros in the unconditional half."""
    unet = pipeline.unet
    processors = unet.attn_processors
    for name in processors:
        if name.endswith("attn1.processor") and "motion_modules" not in name:
            processors[name] = ConcatenatingPisa(frames)
    unet.set_attn_processor(processors)
    forward = unet.forward
    references = torch.cat([torch.zeros_like(reference), reference])

    def forward_with_reference(sample, timestep, encoder_hidden_states, **kwargs):
        text = encoder_hidden_states[::frames].repeat_interleave(frames + 1, dim=0)
        output = forward(torch.cat([sample, references], dim=2), timestep, encoder_hidden_states=text, **kwargs)
        output.sample = output.sample[:, :, :frames]
        return output

    unet.forward = forward_with_reference
