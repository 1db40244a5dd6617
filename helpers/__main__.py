"""Recognise pictures from the command line: python -m helpers PICTURE... [--weights W]"""

import argparse
import sys

from helpers.pictures import PictureError
from helpers.recogniser import load_recogniser
from helpers.weights import WeightsError


def main():
    """Print the five best guesses for each picture; bad ones get one sentence, and the rest go on."""
    parser = argparse.ArgumentParser(prog="python -m helpers", description="Say what is in a picture.")
    parser.add_argument("pictures", nargs="+", metavar="PICTURE")
    parser.add_argument("--weights", help='"pocket", "imagenet" or the path of a weights file')
    args = parser.parse_args()
    try:
        recogniser = load_recogniser(args.weights)
    except WeightsError as error:
        sys.exit(str(error))
    print(recogniser.introduction, file=sys.stderr)
    failed = False
    for picture in args.pictures:
        if len(args.pictures) > 1:
            print(f"{picture}:")
        try:
            for guess in recogniser.guess(picture):
                print(f"{guess.label}  {guess.probability * 100:.1f} %")
        except PictureError as error:
            failed = True
            print(error, file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
