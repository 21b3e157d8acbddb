# OpenCV through joblib's processes: python3 opencv-corners.py <processes> <threads of each>, then one request per line.
# The same steps as skimage-corners.py, in OpenCV's functions: Sobel, a Gaussian window, non-maximum suppression. Answers
# with the milliseconds over `paths` and the corners of all pictures.
import sys
import time

import serve

DISTANCE = 5


def find_corners(path, threads):
    import cv2
    import numpy as np

    cv2.setNumThreads(threads)
    image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    scaled = image.astype(np.float32) / np.iinfo(image.dtype).max
    # The weights of scikit-image, in OpenCV's order of channels.
    grey = cv2.transform(scaled[..., :3], np.array([[0.0721, 0.7154, 0.2125]])) if scaled.ndim == 3 else scaled
    zero = cv2.BORDER_CONSTANT
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, borderType=zero)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, borderType=zero)
    blur = lambda product: cv2.GaussianBlur(product, (9, 9), 1, borderType=zero)
    rr, rc, cc = blur(down * down), blur(down * across), blur(across * across)
    response = rr * cc - rc * rc - 0.05 * (rr + cc) ** 2
    threshold = max(response.min(), 0.1 * response.max())
    highest = cv2.dilate(response, np.ones((2 * DISTANCE + 1, 2 * DISTANCE + 1), np.uint8))
    peaks = (response == highest) & (response > threshold)
    inner = np.zeros_like(peaks)
    inner[DISTANCE:-DISTANCE, DISTANCE:-DISTANCE] = True
    rows, cols = np.nonzero(peaks & inner)
    kept = []
    for i in np.argsort(-response[rows, cols], kind="stable"):
        row, col = int(rows[i]), int(cols[i])
        if all(max(abs(row - r), abs(col - c)) > DISTANCE for r, c in kept):
            kept.append((row, col))
    return kept


def main(processes, threads):
    from joblib import Parallel, delayed

    with Parallel(n_jobs=processes) as parallel:

        def corners(request):
            started = time.perf_counter()
            found = parallel(delayed(find_corners)(path, threads) for path in request["paths"])
            ms = 1000 * (time.perf_counter() - started)
            return {"value": {"ms": ms, "corners": sum(len(each) for each in found)}}

        serve.serve({"corners": corners})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
