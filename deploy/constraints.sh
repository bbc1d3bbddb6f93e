#!/bin/sh
# Prints the constraints for a machine whose numpy is apt's: constraints.sh VERSION_OF_NUMPY
#
# The tested versions, but apt's numpy: picamera2 and the Hailo's binding are compiled for that one. Apt's OpenCV (4.6 on
# Bookworm) stays where it is; ours is a wheel in the environment, with numpy 1 the last that was built for it.
set -eu
tested=$(dirname "$0")/../constraints.txt
echo "numpy==${1:?the version of numpy}"
case $1 in
    1.*)
        echo "opencv-python-headless==4.11.0.86"
        grep -v -e '^numpy==' -e '^opencv-python-headless==' "$tested"
        ;;
    *) grep -v '^numpy==' "$tested" ;;
esac
