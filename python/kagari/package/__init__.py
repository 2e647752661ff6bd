"""Packages: archives of objects together with the Python code that they need.

>>> import io
>>> buffer = io.BytesIO()
>>> with PackageExporter(buffer) as exporter:
...     exporter.save_source_string("shapes", "SIDES = 4")
...     exporter.save_pickle("data", "numbers.pkl", torch.ones(2))
>>> _ = buffer.seek(0)
>>> importer = PackageImporter(buffer)
>>> importer.import_module("shapes").SIDES, importer.load_pickle("data", "numbers.pkl")
(4, tensor([1., 1.]))
"""
from kagari.package.file_structure_representation import Directory
from kagari.package.glob_group import GlobGroup
from kagari.package.importer import Importer, ObjMismatchError, ObjNotFoundError, OrderedImporter, sys_importer
from kagari.package.package_exporter import EmptyMatchError, PackageExporter, PackagingError
from kagari.package.package_importer import PackageImporter, is_from_package

__all__ = ["Directory", "EmptyMatchError", "GlobGroup", "Importer", "ObjMismatchError", "ObjNotFoundError", "OrderedImporter", "PackageExporter", "PackageImporter",
           "PackagingError", "is_from_package", "sys_importer"]
