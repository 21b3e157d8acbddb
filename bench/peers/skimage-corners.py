# scikit-image through ipyparallel's map: python3 skimage-corners.py <engines>, then one request per line. Answers with the
# milliseconds of the map over `paths` and the corners of all pictures.
import sys
import time

import serve


def find_corners(path):
    from skimage import img_as_float
    from skimage.color import rgb2gray
    from skimage.feature import corner_harris, corner_peaks
    from skimage.io import imread

    image = imread(path)
    grey = rgb2gray(image[..., :3]) if image.ndim == 3 else img_as_float(image)
    return corner_peaks(corner_harris(grey), min_distance=5, threshold_rel=0.1).tolist()


def main(engines):
    with serve.private_profile(), serve.engines(engines) as client:
        view = client[:]

        def corners(request):
            started = time.perf_counter()
            found = view.map_sync(find_corners, request["paths"])
            ms = 1000 * (time.perf_counter() - started)
            return {"value": {"ms": ms, "corners": sum(len(each) for each in found)}}

        serve.serve({"corners": corners})


if __name__ == "__main__":
    main(int(sys.argv[1]))
