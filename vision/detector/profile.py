import cv2, numpy as np
F=np.float32
STEP=3.0
class Profile:
    """Signed colour step across each line, summed along it."""
    def __init__(self, blurred, lines, gap=2.0):
        h,w=blurred.shape[:2]; r=float(np.hypot(h,w)); self.reach=r
        n=len(lines.point); t=np.arange(-r,r+STEP,STEP,dtype=F); self.bins=len(t)
        p,u=lines.point.astype(F),lines.direction.astype(F); nrm=np.stack([-u[:,1],u[:,0]],1)
        x=p[:,0,None]+u[:,0,None]*t; y=p[:,1,None]+u[:,1,None]*t
        X=np.concatenate([x+gap*nrm[:,0,None],x-gap*nrm[:,0,None]]); Y=np.concatenate([y+gap*nrm[:,1,None],y-gap*nrm[:,1,None]])
        c=cv2.remap(blurred,X,Y,cv2.INTER_NEAREST,borderMode=cv2.BORDER_REPLICATE).astype(np.int16)
        d=np.clip(c[:n]-c[n:],-60,60)
        ok=(x>=0)&(x<w)&(y>=0)&(y<h)
        d*=ok[...,None]
        self.cum=np.concatenate([np.zeros((n,1,3),F),np.cumsum(d,1,dtype=F)],1)
    def mean(self, line, start, end):
        """mean step [.., 3] between two positions"""
        a=np.clip(((np.minimum(start,end)+self.reach)/STEP).astype(np.int32),0,self.bins-1)
        b=np.clip(((np.maximum(start,end)+self.reach)/STEP).astype(np.int32),0,self.bins)
        b=np.maximum(b,a+1)
        return (self.cum[line,b]-self.cum[line,a])/(b-a)[...,None]
    def blocks(self, line, start, end, n=6):
        """[.., n] strength of the mean step in n blocks of 8%..92%"""
        e=np.linspace(.06,.94,n+1,dtype=F)
        at=start[...,None]+(end-start)[...,None]*e
        ln=np.broadcast_to(line[...,None],at.shape[:-1]+(n,))
        return np.abs(self.mean(ln,at[...,:-1],at[...,1:])).max(-1)
