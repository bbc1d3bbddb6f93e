"""Quads that four lines make."""
import numpy as np
F=np.float32
NONE = np.zeros((0, 4, 2), F), np.zeros((0, 4), F), np.zeros((0, 4), np.int64)
KW=dict(T=20.,wcov=.3,wrun=.5,lam=.4,perhit=14,limit=400,minev=.3,asp=.5)
def candidates(lines, prof, size, shortest=18.0, debug=None, **kw):
    kw={**KW,**kw}
    p, u = lines.point, lines.direction
    n = len(p)
    if n < 4:
        return NONE
    cross = u[:, None, 0] * u[None, :, 1] - u[:, None, 1] * u[None, :, 0]
    delta = p[None] - p[:, None]
    safe = np.where(np.abs(cross) < 0.05, F(1.0), cross)
    at = ((delta[..., 0] * u[None, :, 1] - delta[..., 1] * u[None, :, 0]) / safe).astype(F)  # along i, where j crosses
    length = lines.extent[:, 1] - lines.extent[:, 0]
    middle = p + u * lines.extent.mean(1)[:, None]
    md = middle[None] - middle[:, None]
    dist = np.abs(md[..., 0] * u[:, None, 1] - md[..., 1] * u[:, None, 0])
    dist = (dist + dist.T) / 2
    shift = np.abs(md[..., 0] * u[:, None, 0] + md[..., 1] * u[:, None, 1])
    lmax = np.maximum(length[:, None], length[None])
    lmin = np.minimum(length[:, None], length[None])
    ok = (np.abs(cross) < 0.5) & (dist > shortest * 0.8) & (dist < 3.2 * lmax) & (dist < 6 * lmin) & (shift < 1.2*lmax)
    i, k = np.nonzero(np.triu(ok, 1))
    steep = np.abs(cross) > 0.6
    aj, ak = at.T[i], at.T[k]  # [P, N] along j where i, k cross
    s = np.abs(aj - ak)
    d = dist[i, k][:, None]
    good = steep[i] & steep[k] & (s > shortest * 0.7) & (s < 1.6 * d)
    pr, j = np.nonzero(good)
    aj, ak, s = aj[pr, j], ak[pr, j], s[pr, j]
    cov = lines.coverage(j, aj, ak) / s
    m = np.nonzero(cov > 0.15)[0]
    pr, j, cov, s, aj, ak = pr[m], j[m], cov[m], s[m], aj[m], ak[m]
    strength = np.minimum(prof.blocks(j, aj, ak, 5) / kw['T'], 1).mean(1)
    sgn = np.sign(ak - aj)
    ext = np.maximum(0.06 * s, 5.0)
    run = np.minimum(lines.coverage(j, ak + sgn, ak + sgn * (1 + ext)), ext) + np.minimum(lines.coverage(j, aj - sgn, aj - sgn * (1 + ext)), ext)
    ev = (1-kw['wcov']) * strength + kw['wcov'] * np.minimum(1, cov / .8) - kw['wrun'] * run / ext / 2
    m = np.nonzero(ev > kw['minev'])[0]
    pr, j, ev = pr[m], j[m], ev[m]
    table = np.full((n, n, n), F(-9.0))
    table[j, i[pr], k[pr]] = ev
    table[j, k[pr], i[pr]] = ev
    order = np.lexsort((-ev, pr))
    pr, j, ev = pr[order], j[order], ev[order]
    rank = np.arange(len(pr)) - np.searchsorted(pr, pr)
    m = rank < kw['perhit']
    pr, j = pr[m], j[m]
    out = []
    for o in range(1, kw['perhit']):
        if o >= len(pr): break
        same = np.nonzero(pr[:-o] == pr[o:])[0]
        out.append(np.stack([same, same + o]))
    if debug is not None: debug.update(n=n, pairs=len(i), hits=len(pr), combos=sum(x.shape[1] for x in out))
    if not out:
        return NONE
    first, second = np.concatenate(out, 1)
    pf = pr[first]
    q, r = j[first], j[second]
    ii, kk = i[pf], k[pf]
    e4 = np.stack([table[q, ii, kk], table[kk, q, r], table[r, ii, kk], table[ii, q, r]], 1)
    mean = e4.mean(1)
    iq, ir, kq, kr = at[ii, q], at[ii, r], at[kk, q], at[kk, r]
    a1, a2, b1, b2 = np.abs(iq - ir), np.abs(kq - kr), np.abs(at[q, ii] - at[q, kk]), np.abs(at[r, ii] - at[r, kk])
    aspect = (b1 + b2) / np.maximum(a1 + a2, 1e-3)
    m = np.nonzero((mean > .6) & (aspect > 0.5) & (aspect < 0.97) & (np.minimum(a1, a2) > 0.55 * np.maximum(a1, a2)) & (np.minimum(b1, b2) > 0.55 * np.maximum(b1, b2)))[0]
    size = np.sqrt((a1[m] + a2[m]) * (b1[m] + b2[m])) / 2
    rank = mean[m] + kw['lam'] * 2 * np.log(size) - kw['asp']*np.maximum(0,np.abs(np.log(aspect[m]/.716))-.02)
    cx = (p[ii[m]] + u[ii[m]] * ((iq + ir) / 2)[m][:, None] + p[kk[m]] + u[kk[m]] * ((kq + kr) / 2)[m][:, None]) / 2
    level = np.round(np.log(size) / 0.15)
    cell = 0.12 * np.exp(level * 0.15)
    ang = np.arctan2(u[ii[m], 1], u[ii[m], 0]) % np.pi
    key = ((level * 997 + np.round(cx[:, 0] / cell)) * 997 + np.round(cx[:, 1] / cell)) * 13 + np.round(ang / (np.pi/12)) % 12
    order = np.lexsort((-rank, key))
    ks = key[order]
    rk = np.arange(len(ks)) - np.searchsorted(ks, ks)
    order = order[rk < 5]
    if debug is not None: debug.update(cells=len(np.unique(key)), cands=len(key), out=len(order))
    if len(order) > kw['limit']:
        order = order[np.argsort(-mean[m][order])[:kw['limit']]]
    g = m[order]
    ids = np.stack([q[g], kk[g], r[g], ii[g]], 1)  # side 0 on q from ii to kk; side 1 on kk from q to r; side 2 on r ...
    start = at[ids, np.roll(ids, 1, 1)]
    quads = p[ids] + u[ids] * start[..., None]
    return quads.astype(F), e4[g], ids
