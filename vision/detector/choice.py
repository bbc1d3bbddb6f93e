import numpy as np
F=np.float32
G=np.stack(np.meshgrid((np.arange(5)+.5)/5,(np.arange(5)+.5)/5),-1).reshape(-1,2).astype(F)

def areas(q):
    x,y=q[...,0],q[...,1]; return 0.5*np.abs((x*np.roll(y,-1,1)-y*np.roll(x,-1,1)).sum(1))
def inner_points(q):
    u,v=G[:,0,None],G[:,1,None]
    return ((1-u)*(1-v))[None]*q[:,None,0]+(u*(1-v))[None]*q[:,None,1]+(u*v)[None]*q[:,None,2]+((1-u)*v)[None]*q[:,None,3]
def inside(q):
    """[n,n] share of i's points inside j"""
    p=inner_points(q); e=np.roll(q,-1,1)-q
    # clockwise on screen: inside has cross(e, p-a) > 0
    c=np.einsum('jk,jk->jk',e[...,0],q[...,1]); 
    out=np.ones((len(q),p.shape[1],len(q)),bool)
    for k in range(4):
        ex,ey=e[:,k,0],e[:,k,1]
        out&=(ex*(p[...,1,None]-q[:,k,1])-ey*(p[...,0,None]-q[:,k,0]))>0
    return out.mean(1)
def thin(quads, rank, share=.11, limit=60):
    order=np.argsort(-rank); keep=[]; width=np.sqrt(areas(quads))*.85
    alive=np.ones(len(quads),bool)
    centre=quads.mean(1)
    for i in order:
        if not alive[i]: continue
        keep.append(i)
        if len(keep)==limit: break
        # same corners up to rotation: compare to all 4 rolls
        d=np.full(len(quads),np.inf)
        for r in range(4): d=np.minimum(d,np.abs(np.roll(quads,r,1)-quads[i]).max((1,2)))
        alive&=d>share*width[i]
    return np.array(keep)
def choose(quads,E,floor=.7):
    A=areas(quads); val=A*np.clip((E-floor)/(1-floor),0,1)
    O=inside(quads); n=len(quads)
    best=val.copy(); dropped=val<=0
    for i in np.argsort(A):
        subs=np.nonzero((O[:,i]>.8)&(A<.75*A[i])&~dropped)[0]
        if len(subs)==0: continue
        subs=subs[np.argsort(-best[subs])]; got=[]; tot=0
        for s in subs:
            if all(max(O[s,g],O[g,s])<.25 for g in got): got.append(s); tot+=best[s]
        if tot>val[i]: dropped[i]=True; best[i]=tot
    keep=[]
    for i in np.argsort(-val):
        if dropped[i]: continue
        if all(max(O[i,g],O[g,i])<.5 for g in keep): keep.append(i)
    return keep
