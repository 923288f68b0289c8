"""The same models served as most people begin: one model run a request, in the threads of the framework.

python naive.py PORT
"""

import sys
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI

from affekt import Reader

app = FastAPI()
reader = Reader()


@app.post("/v1/read")
def read(text: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
    """One text."""
    return {"timelines": [reader.read(text, kind="text").to_dict()], "problems": []}


if __name__ == "__main__":
    reader.read("This is read once, so that the model is warm.", kind="text")
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
