"""Sides of a quad, found to a fraction of a pixel in the full picture."""
import cv2
import numpy as np

SAMPLES = 32


def profiles(frame, quads, reach, step):
    """Gradient magnitude across each side: [n, 4, SAMPLES, w]; the points [n,4,SAMPLES,2], normals [n,4,2], offsets [w]."""
    a = quads
    b = np.roll(quads, -1, axis=1)
    d = b - a
    length = np.linalg.norm(d, axis=2, keepdims=True)
    u = d / np.maximum(length, 1e-6)
    normal = np.stack([u[..., 1], -u[..., 0]], -1)  # outwards for clockwise corners (y down)
    t = np.linspace(0.08, 0.92, SAMPLES, dtype=np.float32)
    points = a[:, :, None] + d[:, :, None] * t[None, None, :, None]
    return points, normal, t


def sample(frame, points, normal, offsets):
    """Colours float32 [n, 4, S, w, 3]; offsets [n, w]."""
    at = points[:, :, :, None] + normal[:, :, None, None] * offsets[:, None, None, :, None]
    n, w = offsets.shape
    flat = at.reshape(n * 4, -1, 2).astype(np.float32)
    out = cv2.remap(frame, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(n, 4, points.shape[2], w, 3).astype(np.float32)


def refine(frame, quads, reach, halfwidth=8):
    """One pass: quads [n,4,2] -> refined quads, support [n,4] (share of samples on the fitted line)."""
    quads = quads.astype(np.float32)
    n = len(quads)
    k = np.arange(-halfwidth - 1, halfwidth + 2, dtype=np.float32)
    step = (reach / halfwidth).astype(np.float32)  # [n]
    offsets = k[None] * step[:, None]
    points, normal, t = profiles(frame, quads, reach, step)
    colours = sample(frame, points, normal, offsets)
    grad = np.abs(colours[..., 2:, :] - colours[..., :-2, :]).max(-1)  # [n,4,S,2h+1]
    w = k[1:-1]
    prior = np.exp(-0.5 * (w / (0.6 * halfwidth)) ** 2)
    weighted = grad * prior
    best = weighted.argmax(-1)
    peak = np.take_along_axis(grad, best[..., None], -1)[..., 0]
    lo = np.take_along_axis(grad, np.maximum(best - 1, 0)[..., None], -1)[..., 0]
    hi = np.take_along_axis(grad, np.minimum(best + 1, len(w) - 1)[..., None], -1)[..., 0]
    den = 2 * peak - lo - hi
    sub = np.where(den > 1e-3, 0.5 * (hi - lo) / np.maximum(den, 1e-3), 0).clip(-0.5, 0.5)
    off = (w[best] + sub) * step[:, None, None]
    strong = peak > 12.0
    weight = strong * np.minimum(peak, 60.0)
    x = (t - 0.5)[None, None]
    scale = np.maximum(step, 0.7)[:, None, None]
    r = off
    rob = np.exp(-0.5 * (off / (4 * scale)) ** 2)
    for _ in range(5):
        wr = weight * rob + 1e-6
        s0, s1, s2 = wr.sum(-1), (wr * x).sum(-1), (wr * x * x).sum(-1)
        b0, b1 = (wr * off).sum(-1), (wr * x * off).sum(-1)
        det = np.maximum(s0 * s2 - s1 * s1, 1e-9)
        alpha, beta = (b0 * s2 - b1 * s1) / det, (b1 * s0 - b0 * s1) / det
        r = off - alpha[..., None] - beta[..., None] * x
        rob = 1.0 / (1.0 + (r / scale) ** 2) ** 2
    inlier = strong & (np.abs(r) < 1.5 * scale)
    support = inlier.mean(-1)
    # new lines
    a = quads
    d = np.roll(quads, -1, axis=1) - quads
    p0 = a + d * 0.0 + normal * (alpha - 0.5 * beta)[..., None]
    p1 = a + d + normal * (alpha + 0.5 * beta)[..., None]
    return intersect(p0, p1), support, np.where(strong, peak, 0).mean(-1)


def intersect(p0, p1):
    """Corners where side k-1 meets side k."""
    q0, q1 = np.roll(p0, 1, axis=1), np.roll(p1, 1, axis=1)
    d, e = p1 - p0, q1 - q0
    cross = e[..., 0] * d[..., 1] - e[..., 1] * d[..., 0]
    cross = np.where(np.abs(cross) < 1e-6, 1e-6, cross)
    s = p0 - q0
    t = (s[..., 0] * d[..., 1] - s[..., 1] * d[..., 0]) / cross
    return (q0 + e * t[..., None]).astype(np.float32)
