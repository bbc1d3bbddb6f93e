"""Aspect and tilt of a quad."""
import numpy as np
def pose(q, size, f=1.0):
    """q [n,4,2]; returns aspect (edge0/edge1), cos between axes, tilt"""
    h,w=size; F=f*max(h,w)
    p=(q-np.array([(w-1)/2,(h-1)/2]))/F
    x,y=p[...,0],p[...,1]
    sx=x[:,0]-x[:,1]+x[:,2]-x[:,3]; sy=y[:,0]-y[:,1]+y[:,2]-y[:,3]
    dx1=x[:,1]-x[:,2]; dx2=x[:,3]-x[:,2]; dy1=y[:,1]-y[:,2]; dy2=y[:,3]-y[:,2]
    den=dx1*dy2-dx2*dy1
    g=(sx*dy2-dx2*sy)/den; hh=(dx1*sy-sx*dy1)/den
    r1=np.stack([x[:,1]-x[:,0]+g*x[:,1], y[:,1]-y[:,0]+g*y[:,1], g],1)
    r2=np.stack([x[:,3]-x[:,0]+hh*x[:,3], y[:,3]-y[:,0]+hh*y[:,3], hh],1)
    n1,n2=np.linalg.norm(r1,axis=1),np.linalg.norm(r2,axis=1)
    nrm=np.cross(r1,r2); tilt=np.degrees(np.arccos(np.clip(np.abs(nrm[:,2])/np.linalg.norm(nrm,axis=1),0,1)))
    return n1/n2, (r1*r2).sum(1)/(n1*n2), tilt
