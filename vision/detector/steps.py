import cv2, numpy as np
F=np.float32
FRAC=.03
def farsteps(img, quads, S=16, B=4, T=30.):
    frac=FRAC
    """[n,4] strength of the colour step between a strip inside and one outside each side."""
    n=len(quads)
    b=np.roll(quads,-1,1); d=b-quads; L=np.linalg.norm(d,axis=2,keepdims=True); u=d/np.maximum(L,1e-6)
    nrm=np.stack([u[...,1],-u[...,0]],-1)
    width=np.minimum(L[:,0]+L[:,2],L[:,1]+L[:,3])[:,0]/2
    gap=np.maximum(frac*width,1.6)
    t=np.linspace(.08,.92,S,dtype=F)
    pts=quads[:,:,None]+d[:,:,None]*t[None,None,:,None]
    off=(nrm*gap[:,None,None])[:,:,None]
    m=np.stack([pts-off,pts+off],3).reshape(n*4,-1,2).astype(F)
    c=cv2.remap(img,m[...,0],m[...,1],cv2.INTER_NEAREST,borderMode=cv2.BORDER_REPLICATE).reshape(n,4,B,S//B,2,3).astype(np.int16)
    diff=np.abs((c[...,0,:]-c[...,1,:]).mean(3)).max(-1)
    ins=c[...,0,:].reshape(n,4,S,3); med=np.median(ins,axis=2,keepdims=True)
    uni=(np.abs(ins-med).max(-1)<30).mean(2)
    return np.minimum(1,diff/T).mean(2), uni
