# The peer of bench/corners.ts: scikit-image through ipyparallel's map. Started with the number of engines; reads one JSON
# list of picture paths a line, answers with one JSON object a line: milliseconds of the map, and corners per picture.
import json
import sys
import time

import ipyparallel
import skimage


def find_corners(path):
    from skimage import img_as_float
    from skimage.color import rgb2gray
    from skimage.feature import corner_harris, corner_peaks
    from skimage.io import imread

    image = imread(path)
    grey = rgb2gray(image[..., :3]) if image.ndim == 3 else img_as_float(image)
    return corner_peaks(corner_harris(grey), min_distance=5, threshold_rel=0.1).tolist()


def main(engines):
    cluster = ipyparallel.Cluster(n=engines, log_level=40)
    client = cluster.start_and_connect_sync()
    try:
        view = client[:]
        versions = {"skimage": skimage.__version__, "ipyparallel": ipyparallel.__version__}
        answer({"ready": len(client.ids), "versions": versions})
        for line in sys.stdin:
            paths = json.loads(line)
            started = time.perf_counter()
            found = view.map_sync(find_corners, paths)
            ms = 1000 * (time.perf_counter() - started)
            answer({"ms": ms, "corners": [len(corners) for corners in found]})
    finally:
        client.close()
        cluster.stop_cluster_sync()


def answer(value):
    print(json.dumps(value), flush=True)


main(int(sys.argv[1]))
