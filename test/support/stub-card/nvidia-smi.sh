#!/bin/sh
# A stand-in for nvidia-smi on a machine with one card: the one of vulkan.c and of the stand-in for CUDA's driver.
name='NVIDIA H200 (stub)'
uuid='GPU-00010203-0405-0607-0809-0a0b0c0d0e0f'
case "$*" in
  *-lms*) while echo 1980; do sleep 0.5; done ;;
  -L) echo "GPU 0: $name (UUID: $uuid)" ;;
  *query-gpu=uuid,name*) echo "$uuid, $name" ;;
  *query-gpu=name,uuid*) echo "$name, $uuid, 580.95.05, 143771 MiB, 345 MHz, 1980 MHz, 2619 MHz, 76.00 W, 700.00 W, 30, Disabled" ;;
  *) exit 1 ;;
esac
