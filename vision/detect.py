"""Cards in a frame."""
import cv2, numpy as np, time
from vision.detector import lines as L, quads as Q, refine as F, choice as C, profile as P, steps as S
from vision.detector.pose import pose
from vision import quad as VQ
from vision.detection import Detection
SIDE=432; DBG={}; LAM=.15; FLOOR=.65; WF=.4; WU=.3; TOL=.2
def portraits(q):
    e=np.linalg.norm(np.roll(q,-1,1)-q,axis=2); r=(e[:,0]+e[:,2])>(e[:,1]+e[:,3])
    q=q.copy(); q[r]=np.roll(q[r],-1,1); return q,r
def detect(frame):
    h,w=frame.shape[:2]; s=min(1.0,SIDE/max(h,w)); T=[time.perf_counter()]
    tick=lambda: T.append(time.perf_counter())
    sm=cv2.resize(frame,(round(w*s),round(h*s)),interpolation=cv2.INTER_LINEAR) if s<1 else frame
    e,_=L.edges(sm); sg=L.segments(e); tick()
    if len(sg)<4: return []
    ln=L.join(sg,sm.shape[:2]); tick(); bl=cv2.GaussianBlur(sm,(3,3),0); pf=P.Profile(bl,ln); tick(); c,ev,ids=Q.candidates(ln,pf,sm.shape[:2]); tick()
    if len(c)==0: return []
    x,y=c[...,0],c[...,1]; sgn=(x*np.roll(y,-1,1)-y*np.roll(x,-1,1)).sum(1)
    f=sgn<0; c[f]=c[f][:,[0,3,2,1]]; ev[f]=ev[f][:,[3,2,1,0]]
    c,r=portraits(c); ev[r]=np.roll(ev[r],-1,1)
    asp,orth,tilt=pose(c.astype(float),sm.shape[:2],.8)
    pen=np.minimum(.3,.5*np.maximum(0,np.abs(np.log(asp/.716))-.02))/(1+(tilt/25)**2)+.15*np.abs(orth)
    fs,uni=S.farsteps(bl,c); E=(1-WF)*ev.mean(1)+WF*fs.mean(1)+WU*(uni.mean(1)-1)-pen
    loc=E+LAM*np.log(C.areas(c)/(sm.shape[0]*sm.shape[1]))
    m=np.nonzero(E>FLOOR)[0]
    if len(m)==0: return []
    k=m[C.thin(c[m],loc[m],TOL)]
    tick()
    g=k[C.choose(c[k],E[k],FLOOR)]; tick()
    DBG.clear(); DBG.update(loc=loc,c=c,E=E,d=dict(ev=ev,fs=fs,uni=uni,pen=pen),k=k,g=g,s=s,ln=ln,ids=ids)
    c=c[g];E=E[g]
    full=np.array([w/sm.shape[1],h/sm.shape[0]],np.float32)
    q=(c+0.5)*full-0.5
    side=np.sqrt(C.areas(q))
    reach=np.minimum(1.5/s+1,0.03*side)
    q,sup,_=F.refine(frame,q,reach,6)
    q,sup,con=F.refine(frame,q,np.maximum(reach/2.5,1.5),5); tick()
    DBG.update(q=q,sup=sup,T=np.diff(T)*1e3)
    res=[]
    for i in range(len(q)):
        x=q[i]
        if not np.isfinite(x).all() or not VQ.is_convex(x): continue
        x=VQ.portrait(x); a,b=VQ.size(x)
        if a<20: continue
        sc=.5*E[i]+.5*sup[i].mean()
        if sc>.6: res.append(Detection(x,float(min(1,sc))))
    return res
